"""Questions that have nothing to do with chatterm, put together anew each time.

There must be too many of them to be learnt by heart: what is left for the model to learn is what
belongs to chatterm. They go through the same frames as the questions about chatterm do.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from scripts.guide.noise import FRAMES


def _words(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.replace("\n", ",").split(",") if line.strip())


_NOUNS = _words("""
    a volcano, the moon, black holes, a penguin, photosynthesis, the french revolution, jazz,
    gravity, sourdough bread, a kangaroo, the stock exchange, world war two, chess, a guitar,
    tulips, the roman empire, evolution, dna, an octopus, bitcoin, democracy, inflation, karate,
    yoga, coffee, green tea, dinosaurs, pyramids, the ocean, electricity, a rainbow, thunder,
    glaciers, bees, the solar system, mars, a sonnet, baroque music, opera, impressionism,
    football, cricket, tennis, the olympics, basketball, a marathon, a bicycle, a diesel engine,
    solar panels, a nuclear reactor, quantum mechanics, relativity, an atom, penicillin, vaccines,
    sleep, dreams, memory, the brain, the heart, vitamins, protein, sugar, cheese, wine, whisky,
    chocolate, pasta, sushi, tomatoes, potatoes, avocados, an orchid, a bonsai, hedgehogs, sharks,
    a labrador, cats, horses, parrots, spiders, mosquitoes, a tent, hiking boots, a parachute,
    a submarine, a helicopter, the titanic, a castle, the eiffel tower, cathedrals, philosophy,
    stoicism, buddhism, astrology, tarot, a horoscope, dark matter, the big bang, plastic,
    recycling, climate change, a desert, rainforests, an earthquake, a tsunami, hurricanes,
    the nile, mount everest, the sahara, a passport, visas, a mortgage, taxes, marketing,
    a startup, accounting, knitting, origami, pottery, photography, a telescope, a microscope,
    violin strings, drums, a piano, poker, dominoes, lego, minecraft, fortnite, zelda,
    the simpsons, star wars, harry potter, sherlock holmes, hamlet, the bible, mythology, vikings,
    samurai, knights, pirates, the internet, wifi, bluetooth, 5g, a router, a printer,
    smartphones, the iphone, android, windows 11, macos, excel, powerpoint, photoshop, blender,
    kubernetes, docker, nginx, mysql, git, react, a linked list, recursion, compilers,
    linux kernels, vim, emacs, raspberry pi, arduino, a drone, electric cars, tesla, formula one,
    a skateboard, snowboarding, surfing, swimming, a wedding, christmas, easter, halloween,
    a birthday party, babies, teenagers, grammar, latin, esperanto, hieroglyphs, calligraphy,
    a haiku, algebra, trigonometry, prime numbers, fractals, statistics, a lawn mower, wallpaper,
    plumbing, a hammer, garlic, onions, olive oil, rice, lentils, pancakes, pizza dough,
    mushrooms, salmon, turtles, whales, wolves, foxes, owls, lightning, fog, snow, tides,
    the equator, time zones, leap years, calendars, clocks
""")
_PLAIN_NOUNS = tuple(
    noun.removeprefix("a ").removeprefix("an ").removeprefix("the ") for noun in _NOUNS
)
_DOINGS = _words("""
    bake a cake, boil an egg, change a tyre, tie a tie, fold a paper plane, train a puppy,
    wash a sweater, iron a shirt, paint a wall, fix a leaking tap, unclog a drain, build a shed,
    grow tomatoes, plant a tree, prune roses, catch a fish, ride a horse, learn the piano,
    learn spanish, lose weight, gain muscle, run a marathon, get up earlier, fall asleep,
    stop smoking, quit my job, ask for a raise, find a flat, buy a house, sell my car,
    rent a boat, book a flight, pack a suitcase, travel to japan, get a visa, renew my passport,
    open a bank account, open a coconut, open a bottle without an opener, open a restaurant,
    close a deal, close a window in my kitchen, start a company, start a fire, start a band,
    start my car, stop hiccups, stop a nosebleed, stop my dog from barking, save money,
    save electricity, save a dying plant, delete my facebook account, delete my browser history,
    delete an email, delete a tweet, delete photos from my phone, delete a file in windows,
    remove a wine stain, remove gum from hair, remove a splinter, remove a virus,
    remove snow from the roof, install windows, install a dishwasher, install ubuntu,
    install photoshop, install a light switch, update my iphone, update my resume,
    update a driver, update windows, download a movie, download music from youtube,
    download an app, download minecraft, upload a video to youtube, search for gold,
    search for a job, search on google, find my keys, find a girlfriend,
    find the area of a circle, find a good dentist, export goods to china, export a pdf from word,
    import a car, import wine, import contacts to gmail, copy a key at the locksmith, copy a cd,
    copy cells in excel, paste without formatting in word, print a photo, print double sided,
    rename a file in windows, rename my dog, restore an old painting, restore my iphone,
    restore a wooden table, list all planets, list the kings of england, list prime numbers,
    show affection, show my screen in zoom, switch careers, switch banks, switch off the alarm,
    switch to linux, change my name, change a light bulb, change my gmail password,
    change the oil, set an alarm, set a table, set up a router, set up a printer, set up a tent,
    log in to facebook, log in to my bank, log out of gmail, log in to netflix,
    sign up for instagram, connect my headphones, connect to wifi, connect two monitors,
    connect a printer, share a photo on whatsapp, share my location, send a parcel, send a fax,
    send money abroad, send an email in outlook, send a whatsapp message, edit a video,
    edit photos, edit a wikipedia page, write with my left hand, read faster, read palms,
    read music, learn to swim, teach maths, tag friends on facebook, pin a tweet, filter water,
    filter coffee, filter a column in excel, sort laundry, sort an array, merge two pdf files,
    split an apple, split the bill, split wood, run a business, run a bath,
    run android apps on windows, serve dinner, serve in tennis, serve an apache website,
    host a party, host a website, configure nginx, configure my router, configure outlook,
    block a number on my phone, block ads, hide files in windows, hide a present, lock my phone,
    unlock an iphone, reset my router, reset my password on amazon, reset a watch, cancel netflix,
    cancel my flight, cancel a subscription, undo a commit in git, undo a zip tie,
    clone a git repository, clone a sheep, fork a repository on github, fork a bike, pull a tooth,
    pull a muscle safely, push to github, commit my changes, rebase a branch, delete a git branch,
    prune a hedge, archive old emails, label jars, name my cat, name a baby, load a dishwasher,
    load a truck, unload a gun, attach a trailer, attach a file in gmail,
    attach a picture to an email in outlook, attach a shelf to the wall, feed a goldfish,
    feed a baby, pipe icing, compose a song, compose music, keep roses fresh, keep warm in winter,
    keep a secret, back up my phone, back up windows, move to canada, move a sofa,
    move a file in finder, transfer money, transfer photos to my computer,
    stop my washing machine, fix my washing machine, fix a flat tyre, fix my screen,
    repair a bike, speed up windows, speed up my internet, free up space on my phone, make pizza,
    make friends, make a paper boat, make money online, make cheese, draw a horse, draw a face,
    sing better, dance salsa, play poker, play the ukulele, beat the final boss,
    solve a rubik's cube, cook rice, cook a steak, make scrambled eggs, roast a chicken,
    brew beer, sharpen a knife, shave, cut hair, clean a carpet, clean an oven, wash my car
""")
_OBJECTS = _words("""
    my facebook account, my instagram, a whatsapp group, my gmail, an email, my photos,
    a youtube video, a tweet, my tiktok, a pdf, a spreadsheet, a word document, my calendar,
    my contacts, my browser history, cookies, bookmarks in firefox, a chrome extension, my wifi,
    the printer, my phone, my tablet, my xbox, a playstation game, my steam library,
    a netflix show, a podcast, a song on spotify, my playlist, my car, my garage door, the fridge,
    the washing machine, a lamp, the heating, my bike, my dog, the cat, a parcel, my luggage,
    a ticket, a flight, a hotel room, a table for two, a loan, my bank account, a credit card,
    my tax return, an invoice, a contract, a lease, a recipe, a cake, a garden, a fence, a tree,
    a painting, a photo album, a guitar, a novel, a poem, a git branch, a docker container,
    a mysql table, a website, a wordpress blog, an excel sheet, a powerpoint slide,
    a photoshop layer, a zip file, a usb stick, a hard disk, windows, ubuntu, macos,
    an android app, an iphone app, a minecraft world, a discord server, a slack channel,
    a zoom meeting, teams, outlook, my password on amazon, my paypal account, an ebay listing,
    a linkedin profile, my dropbox, google drive, icloud, a bluetooth speaker, my airpods,
    a smart watch
""")
_DOING_VERBS = _words("""
    delete, remove, install, uninstall, update, upgrade, download, upload, search, find, open,
    close, copy, paste, print, rename, restore, recover, share, send, edit, change, set up,
    configure, connect, disconnect, reset, restart, start, stop, block, hide, lock, unlock,
    cancel, move, transfer, back up, export, import, merge, split, sort, filter, tag, archive,
    clean, fix, repair, sell, buy, save, log in to, log out of, get rid of, speed up, turn off,
    turn on, switch off, throw away, clone, list, show, attach, convert, translate, compare, load,
    sign up for
""")
_PEOPLE = _words("""
    napoleon, albert einstein, marie curie, the queen of england, julius caesar, cleopatra,
    mozart, beethoven, taylor swift, elvis presley, shakespeare, tolstoy, frida kahlo, picasso,
    leonardo da vinci, nelson mandela, gandhi, barack obama, elon musk, steve jobs, bill gates,
    ada lovelace, alan turing, isaac newton, charles darwin, lionel messi, serena williams,
    madonna, the beatles, freud, plato, aristotle, abraham lincoln, george washington, the pope,
    batman, superman, mickey mouse, gandalf, linus torvalds, hitler, stalin, genghis khan
""")
_PLACES = _words("""
    paris, london, berlin, tokyo, new york, france, germany, japan, brazil, australia, canada,
    egypt, india, china, norway, peru, kenya, iceland, rome, madrid, vienna, moscow, sydney,
    cairo, toronto, chicago, boston, mexico, argentina, portugal, finland, vietnam, mongolia,
    chile, zurich, lisbon, dublin, oslo, warsaw, prague, athens, istanbul, dubai, singapore,
    bangkok, seoul, texas, california, florida, alaska, hawaii, my town
""")
_GENERAL = _words("""
    what is {n}, what are {p}, what's {n}, who invented {p}, who discovered {p},
    tell me about {n}, tell me something about {n}, explain {n}, explain {n} to me,
    explain {n} to a child, how does {n} work, how do {p} work, why is {n} important,
    when was {n} invented, what is the history of {p}, give me facts about {p}, do you like {n},
    what do you think of {n}, is {n} dangerous, is {n} good for me, how much does {n} cost,
    where does {n} come from, how old is {n}, how big is {n}, {p}, the meaning of {p},
    a definition of {p}, define {p}, what is the difference between {n} and {m},
    compare {n} and {m}, which is better {n} or {m}, {n} or {m}, pros and cons of {p},
    where can i buy {n}, who is {w}, who was {w}, when was {w} born, how old is {w},
    where was {w} born, where does {w} live, is {w} still alive, what did {w} do,
    what is {w} famous for, tell me about {w}, what is the capital of {l},
    how many people live in {l}, how far is {l}, where is {l}, what language do they speak in {l},
    what can i see in {l}, best restaurants in {l}, hotels in {l}, how do i get to {l},
    is {l} safe, what is the currency of {l}, who is the president of {l}, who won the war in {l},
    plan a trip to {l}, things to do in {l}, history of {l}, flag of {l},
    recommend a book about {p}, recommend a film about {p}, name five {p}, list ten {p},
    how many {p} are there, why do {p} exist, are {p} real, can {p} fly, what do {p} eat,
    what colour is {n}, do {p} sleep, teach me {p}, i love {p}, i hate {p}, let's talk about {p},
    let's talk about {n}, talk to me about {n}, what rhymes with {p}, tell me a joke about {p},
    sing a song about {p}, play a game about {p}, draw {n}, draw me {n}, a picture of {n},
    show me pictures of {p}, generate an image of {n}, what happens if i eat {n},
    how heavy is {n}, what is the biggest {p}, best {p} to buy, cheapest {p}, quiz me about {p},
    what would {w} say about {n}, did {w} like {p}, has {w} been to {l}, is there {n} in {l},
    {n} in {l}, why did {w} go to {l}, i dreamt of {n}, my grandmother has {n},
    i saw {n} yesterday, what is your favourite {p}, do you believe in {p}, how was {n} made,
    how do people make {p}, show me how {n} works, tell me how {p} are made, which {p} are best,
    where do i find {n}, can you explain {n}, i want to know about {n}, i need help with {n},
    help with {p}, how can i understand {p}, do you know {w}, do you know anything about {n},
    can i have {n}, {p} price, {w} biography
""")
_ADVICE = _words("""
    i have {s}, my {b} hurts, why does my {b} hurt, what helps against {s},
    should i see a doctor about {s}, is {s} dangerous, can i take {d} for {s},
    how much {d} can i take, is {d} safe, can i mix {d} and alcohol, what are symptoms of {s},
    my child has {s}, how do i treat {s}, i think i have {s}, my {b} is swollen, {d} side effects,
    how do i get rid of {s}, can i sue {f}, can {f} fire me, my {f} does not pay me,
    is it legal to record {f}, do i need a lawyer against {f}, {f} wants my money back,
    should i invest in {i}, should i buy {i} now, how do i avoid taxes on {i},
    is {i} a good investment, how much tax do i pay on {i}, should i sell my {i},
    how do i tell {f} that i am leaving, {f} broke up with me, {f} hates me, should i marry {f},
    i am fighting with {f}, how do i forgive {f}, i feel lonely, i am so sad about {f},
    should i quit because of {f}, how do i cope with {s}, i owe {f} money, can i deduct {i},
    what are my rights against {f}, i want to divorce {f}
""")
_SICK = _words("""
    a headache, fever, the flu, a rash, anxiety, depression, back pain, diarrhoea, insomnia,
    a cough, high blood pressure, diabetes, a burn, an allergy, toothache, covid, nausea,
    a broken toe, acne, migraine, stress, a sore throat, asthma
""")
_BODY = _words("""
    back, head, knee, stomach, chest, left arm, foot, tooth, ear, neck, shoulder, eye, throat,
    hip, wrist
""")
_DRUGS = _words("""
    aspirin, ibuprofen, paracetamol, antibiotics, melatonin, vitamin d, sleeping pills, codeine,
    antidepressants
""")
_FOLK = _words("""
    my boss, my landlord, my neighbour, my wife, my husband, my ex, my brother, my company,
    the bank, the police, my best friend, my mother, my tenant
""")
_ASSETS = _words("""
    bitcoin, tesla shares, gold, an apartment, index funds, my house, etfs, bonds, apple stock,
    crypto, my pension, dividends
""")
_CODE = _words("""
    write {g} code to {t}, write a {g} function to {t}, {g} script that can {t},
    how do i {t} in {g}, {t} in {g}, code a {x} in {g}, write a {x} in {g}, make me a {x},
    program a {x}, build a {x} in {g}, fix this {g} error, why does my {g} code crash,
    debug my {g} code, explain this {g} code, what is a {c} in {g}, how do {c}s work in {g},
    write a unit test in {g}, refactor my {g} function, write a regex to {t},
    convert this {g} code to {h}, {g} or {h}, {g} syntax for {c}s, sql query to {t},
    show me {g} code for a {x}, generate {g} code, a one-liner to {t}, {g} {c} example,
    my {g} {c} does not compile, give me a {g} snippet to {t}, i need a {g} program to {t},
    can you code a {x}, implement a {x} in {g}, develop a {x} for me, segfault in my {g} program,
    write a bash script to {t}, css for a {x}, html for a {x}, review my {g} pull request,
    is {g} faster than {h}
""")
_LANGUAGES = _words("""
    python, javascript, rust, c++, c, java, go, ruby, php, typescript, kotlin, swift, haskell,
    perl, lua, scala, bash, sql, r, c#
""")
_TASKS = _words("""
    sort a list, reverse a string, read a csv file, parse json, send an http request, count words,
    find duplicates, compute primes, connect to a database, resize an image, validate an email,
    scrape a website, merge two dictionaries, rename all files in a folder, download a page,
    open a socket, generate a password, shuffle an array, compute fibonacci numbers,
    check for palindromes, match phone numbers, delete old files, copy a folder, search a string,
    print a pyramid, export a table, import a module
""")
_APPS = _words("""
    snake game, todo app, calculator, website, web scraper, chess engine, discord bot,
    telegram bot, login page, landing page, tic tac toe game, weather app, binary tree, hash map,
    linked list, quicksort, blog, online shop, alarm clock, chat server, parser
""")
_CONCEPTS = _words("""
    pointer, loop, class, decorator, closure, list comprehension, thread, generic, lambda,
    interface, dictionary, struct, macro, promise
""")
_LIVE = _words("""
    what is the weather in {l}, weather {l}, weather in {l} tomorrow, will it rain in {l},
    is it cold in {l}, do i need an umbrella in {l}, forecast for {l}, what time is it in {l},
    what time is it, time in {l}, what day is it, what is the date today, today's date,
    news from {l}, latest news, what happened today in {l}, headlines, who won the {e},
    who won the {e} yesterday, score of the {e}, when is the next {e}, results of the {e},
    {i} price, price of {i} today, {i} price now, how is {i} doing today,
    exchange rate of the {k}, how many euros is a {k}, is the supermarket open now,
    when does the train to {l} leave, flights to {l} today, traffic in {l}, what is on tv tonight,
    what is in the cinema in {l}, is my flight to {l} delayed, who is winning the election in {l},
    latest version of {n}, what is trending, sunrise in {l}, how hot is it in {l},
    temperature in {l}, is there a strike in {l} today, pollen count in {l},
    current population of {l}, open pharmacies in {l}, what is new in {l}, bus times in {l},
    moon phase tonight, which day is tomorrow, is it raining in {l}
""")
_EVENTS = _words("""
    match, football game, world cup, super bowl, election, formula one race, oscars,
    champions league, tennis final, olympics, lottery, eurovision
""")
_MONEY = _words("""
    dollar, pound, yen, franc, peso, rupee, euro, krona
""")
_WRITING = _words("""
    write a {z} about {n}, write me a {z} about {p}, write a {z} to {f}, write a {z} for {f},
    write a short {z}, i need a {z} for {f}, compose a {z} about {n}, draft a {z} to {f},
    a {z} about {p}, make up a {z} about {n}, translate {q} into {v}, translate this to {v},
    how do you say {q} in {v}, what is {q} in {v}, {q} in {v}, summarise this {z},
    summarize the {z}, correct my {z}, proofread my {z}, rewrite this {z}, improve my {z},
    shorten this {z}, give me a title for my {z}, give me ideas for a {z}, help me write a {z},
    can you write a {z} to {f}, continue this {z}, check the grammar of my {z},
    find a synonym for {p}, what rhymes with {p}, make this {z} sound nicer,
    turn these notes into a {z}, write {q} in {v}, a funny {z} for {f}, translate my {z} to {v},
    i want a {z} about {n}, please write a {z} that mentions {n}, is my {v} correct,
    say {q} in {v}, write my {z}
""")
_TEXTS = _words("""
    poem, story, letter, email, essay, haiku, song, speech, blog post, cover letter, limerick,
    novel, wedding toast, birthday card, tweet, press release, application, report, fairy tale,
    joke, slogan, complaint, invitation, review, screenplay, diary entry, cv
""")
_SAID = _words("""
    good morning, thank you, i love you, where is the station, cheers, happy birthday,
    the cat is black, how are you, see you tomorrow, one beer please, goodbye, water
""")
_TONGUES = _words("""
    french, spanish, german, japanese, italian, russian, chinese, latin, arabic, dutch, polish,
    korean, swedish, turkish, hindi
""")
_ACTIONS = _words("""
    {o} {j} for me, can you {o} {j}, just {o} {j} yourself, please {o} {j} for me,
    could you {o} {j} for me, do it for me, do that for me, you do it, can you {o} {j} now,
    go ahead and {o} {j}, i want you to {o} {j}, {o} {j} on my behalf, can you do that for me,
    why don't you {o} {j} yourself, are you able to {o} {j} yourself
""")
_ORDERS = _words("""
    run, execute, start, type, enter, press, launch, perform, trigger
""")
_JOBS = _words("""
    that, it, this command, the command, that command, those commands, the key, that line,
    the whole thing, these steps
""")
_UNKNOWN = _words("""
    does chatterm have {u}, does chatterm support {u}, can chatterm do {u},
    is there {u} in chatterm, how do i use {u} in chatterm, how do i turn on {u},
    how do i enable {u} in chatterm, where is {u}, {u} in chatterm, {u}, chatterm {u},
    how do i set up {u}, can i use {u} here, does it have {u}, is {u} possible, is {u} supported,
    does this program offer {u}, i want {u} in chatterm, how do i get {u} in chatterm,
    will chatterm get {u}, when will there be {u}, i miss {u} in chatterm, what about {u},
    how does {u} work in chatterm, disable {u} in chatterm, configure {u} in chatterm
""")
_FEATURES = _words("""
    voice input, speech output, text to speech, dictation, a microphone mode, web search,
    browsing, internet search, image generation, drawing pictures, video input, plugins,
    extensions, an extension store, mcp, mcp servers, tool calling, function calling, agents,
    an agent mode, a phone app, an android app, an ios app, a web interface, a browser extension,
    a vs code extension, an emacs plugin, printing, a print button, push notifications,
    desktop notifications, sound, a sound when it is done, emojis, reactions, avatars,
    profile pictures, a calendar, reminders, scheduled prompts, cron jobs, fine-tuning,
    lora adapters, training on my data, rag, a vector store, document libraries, a knowledge base,
    projects, workspaces, team accounts, billing, a subscription, invoices, referral codes,
    spell checking, grammar checking, latex rendering, mermaid diagrams, charts,
    tables with formulas, spreadsheets, a notebook mode, jupyter, syntax trees, a debugger,
    code execution, a sandbox, a docker image, a kubernetes chart, a windows store version,
    a snap package, a flatpak, end-to-end encryption, two-factor login, single sign-on, ldap,
    oauth, socks proxies, cloud sync, google drive sync, dropbox sync, webhooks, a slack bot,
    a discord bot, an email gateway, sms, telegram, a game mode, split screen, tabs,
    mouse gestures, a touch bar, a screen saver, animated backgrounds, a background image, fonts,
    bigger letters, right-to-left text, braille output, a screen reader mode, a usage graph,
    token statistics over time, cost tracking, spending limits, a leaderboard, badges,
    folders for chats, public links to chats, collaborative chats, comments, polls,
    a live translation, subtitles, ocr, pdf annotations, camera input, screen recording, macros,
    shell aliases
""")
_SYLLABLES = _words("""
    ba, be, bi, bo, bu, cra, da, dro, fi, flo, fu, ga, gle, gri, ha, hu, jo, ka, kre, lo, lu, ma,
    mi, mo, na, nu, pa, pli, po, qua, ra, ri, sa, shi, sko, sna, ta, te, tri, tu, va, vo, wi, wu,
    xa, ya, zi, zo
""")
_ENDS = ("", "", "n", "x", "rp", "t", "ck", "sh", "ng", "l", "m", "zz")


def outside(rng: random.Random) -> tuple[str, str]:
    """A topic of refusal, and a question that it answers."""
    (topic,) = rng.choices(tuple(_KINDS), weights=[weight for weight, _ in _KINDS.values()])
    return topic, _KINDS[topic][1](rng)


def pseudo_word(rng: random.Random) -> str:
    """Looks like a word and is none."""
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(1, 3))) + rng.choice(_ENDS)


def pasted(rng: random.Random) -> tuple[str, str]:
    """A topic of refusal, and a long text that somebody pasted."""
    kind = rng.random()
    length = rng.randint(120, 420)
    if kind < 0.2:
        return "no-gibberish", _until(length, (f"{pseudo_word(rng)} " * rng.randint(1, 2)) * 200)
    if kind < 0.5:
        return "no-code", _until(length, "".join(_code_line(rng) for _ in range(30)))
    return "no-general", _until(length, " ".join(_sentence(rng) for _ in range(30)))


def _until(length: int, text: str) -> str:
    return text[:length].strip()


def _code_line(rng: random.Random) -> str:
    name, other = (rng.choice(_PLAIN_NOUNS).replace(" ", "_") for _ in range(2))
    number = rng.randint(0, 999)
    return rng.choice(
        (
            f"def {name}({other}):\n    return {other} + {number}\n",
            f"for {name} in range({number}):\n    print({name})\n",
            f"int {name} = {number}; // {other}\n",
            f"import {name}\n",
            f'{{"{name}": {number}, "{other}": null}},\n',
            f"if ({name} < {number}) {{ return {other}[{number}]; }}\n",
            f"[error] {name}.c:{number}: undefined reference to {other}\n",
            f'<div class="{name}">{other}</div>\n',
            f"const {name} = () => {other}({number});\n",
        )
    )


def _sentence(rng: random.Random) -> str:
    noun, other, who, place = (
        rng.choice(words) for words in (_NOUNS, _PLAIN_NOUNS, _PEOPLE, _PLACES)
    )
    return rng.choice(
        (
            f"in {rng.randint(1700, 2025)} {who} came to {place} and saw {noun}.",
            f"{noun} is not like {other}, as {who} wrote.",
            f"the people of {place} have always liked {other}.",
            f"dear {who}, thank you for {noun}.",
            f"he had never thought of {other} before, but in {place} it was all they spoke of.",
            f"according to a study from {place}, {other} may change the way we see {noun}.",
            f"we would like to remind you that {other} must be paid by {rng.randint(1, 30)} may.",
        )
    )


def _noun(rng: random.Random) -> str:
    return pseudo_word(rng) if rng.random() < 0.15 else rng.choice(_NOUNS)


def _plain_noun(rng: random.Random) -> str:
    return pseudo_word(rng) if rng.random() < 0.15 else rng.choice(_PLAIN_NOUNS)


def _one_of(words: tuple[str, ...]) -> Callable[[random.Random], str]:
    return lambda rng: rng.choice(words)


_LISTS = {
    "w": _PEOPLE,
    "l": _PLACES,
    "s": _SICK,
    "b": _BODY,
    "d": _DRUGS,
    "f": _FOLK,
    "i": _ASSETS,
    "g": _LANGUAGES,
    "h": _LANGUAGES,
    "t": _TASKS,
    "x": _APPS,
    "c": _CONCEPTS,
    "e": _EVENTS,
    "k": _MONEY,
    "z": _TEXTS,
    "q": _SAID,
    "v": _TONGUES,
    "o": _ORDERS,
    "j": _JOBS,
    "u": _FEATURES,
}
_FILLINGS: dict[str, Callable[[random.Random], str]] = {"n": _noun, "m": _noun, "p": _plain_noun}
_FILLINGS |= {letter: _one_of(words) for letter, words in _LISTS.items()}


def _filled(frames: tuple[str, ...]) -> Callable[[random.Random], str]:
    def fill(rng: random.Random) -> str:
        return rng.choice(frames).format_map({key: make(rng) for key, make in _FILLINGS.items()})

    return fill


def _general(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.45:
        return _filled(_GENERAL)(rng)
    if kind < 0.65:
        return rng.choice(FRAMES).format(rng.choice(_DOINGS))
    if kind < 0.93:
        doing = f"{rng.choice(_DOING_VERBS)} {rng.choice(_OBJECTS)}"
        return rng.choice(FRAMES).format(doing)
    return rng.choice(FRAMES).format(
        f"{rng.choice(_DOING_VERBS)} {rng.choice(('a', 'my', 'the'))} {pseudo_word(rng)}"
    )


def _maths(rng: random.Random) -> str:
    a, b = (
        rng.choice((rng.randint(2, 20), rng.randint(2, 9999))),
        rng.choice((rng.randint(2, 12), rng.randint(2, 999))),
    )
    sign, word = rng.choice(
        (
            ("+", "plus"),
            ("-", "minus"),
            ("*", "times"),
            ("/", "divided by"),
            ("x", "multiplied by"),
            ("^", "to the power of"),
        )
    )
    sums = (
        f"{a}{sign}{b}",
        f"{a} {sign} {b}",
        f"{a} {sign} {b} =",
        f"{a} {word} {b}",
        f"{sign} {a} {b}",
        f"{a}{sign}{b}{sign}{rng.randint(2, 99)}",
    )
    others = (
        f"{a}% of {b}",
        f"{b} percent of {a}",
        f"the square root of {a}",
        f"sqrt({a})",
        f"solve x + {a} = {b}",
        f"solve {a}x = {b}",
        f"{a} factorial",
        f"log of {a}",
        f"{a} miles in km",
        f"{a} celsius in fahrenheit",
        f"{a} modulo {b}",
        f"the derivative of x^{b}",
        f"{a} euros plus {b} percent tax",
        f"the integral of {a}x",
        f"the average of {a} and {b}",
        f"{a} in binary",
        f"the area of a circle with radius {b}",
        f"{a} minutes in hours",
        f"{a} pounds in kilos",
        f"the prime factors of {a}",
    )
    sum_ = rng.choice(sums) if rng.random() < 0.5 else rng.choice(others)
    frames = (
        "{}",
        "{}",
        "{}",
        "what is {}",
        "what's {}",
        "how much is {}",
        "calculate {}",
        "compute {}",
        "can you calculate {}",
        "tell me {}",
        "is {} a prime number",
        "what do i get for {}",
        "work out {}",
        "the result of {}",
        "how do i calculate {}",
    )
    return rng.choice(frames).format(sum_)


def _gibberish(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.4:
        rows = (
            "asdfghjkl",
            "qwertyuiop",
            "zxcvbnm",
            "abcdefghijklmnopqrstuvwxyz",
            "1234567890",
            "!?.,#+-*/$%&",
        )
        return "".join(rng.choice(rng.choice(rows)) for _ in range(rng.randint(2, 14)))
    if kind < 0.6:
        return " ".join(pseudo_word(rng) for _ in range(rng.randint(1, 5)))
    if kind < 0.7:
        return rng.choice("abcdefghjklmnopqrstuvwxyz.?!#-+0123456789") * rng.randint(1, 12)
    if kind < 0.8:
        return " ".join([pseudo_word(rng)] * rng.randint(2, 12))
    if kind < 0.9:
        row = rng.choice(("asdf", "qwer", "hjkl", "jkl", "lkj", "fgh", "dfg", "yxcv", "poiu"))
        return row * rng.randint(1, 5)
    words = [
        "the",
        "of",
        "green",
        "seven",
        "very",
        "under",
        "spoon",
        "walk",
        "blue",
        "because",
        "cloud",
        "never",
        "table",
        "quick",
        "left",
    ]
    return " ".join(rng.choice(words) for _ in range(rng.randint(2, 6)))


_KINDS: dict[str, tuple[float, Callable[[random.Random], str]]] = {
    "no-general": (0.42, _general),
    "no-maths": (0.08, _maths),
    "no-code": (0.09, _filled(_CODE)),
    "no-live": (0.09, _filled(_LIVE)),
    "no-writing": (0.09, _filled(_WRITING)),
    "no-advice": (0.07, _filled(_ADVICE)),
    "no-actions": (0.02, _filled(_ACTIONS)),
    "no-unknown-feature": (0.09, _filled(_UNKNOWN)),
    "no-gibberish": (0.05, _gibberish),
}
