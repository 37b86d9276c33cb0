"""Who answers, and how: models, parameters, two models side by side."""

from __future__ import annotations

from chatterm.errors import ChattermError, ModelError
from chatterm.params import Params
from chatterm.tui.desk import short_name, whole_name
from chatterm.tui.kept import params_text
from chatterm.tui.models import ABSENT, AWAY, ModelShelf, wants_login
from chatterm.tui.screens.base import ChatBase
from chatterm.tui.screens.picker import Picked, Picker

_PROGRESS_SECONDS = 0.5


class ModelActions(ChatBase):
    """Mixed into the chat screen."""

    def action_models(self) -> None:
        self._choose_model()

    def _choose_model(self, query: str = "") -> None:
        shelf = ModelShelf(self.desk, self.talk.session.model, pulls=self.pulls)

        def chosen(picked: Picked | None) -> None:
            if picked is not None:
                self._take(picked.key, shelf)

        picker = Picker(
            "Models",
            shelf.rows,
            placeholder="Name of a model",
            note=shelf.about,
            start=self.talk.session.model,
            query=query,
            wide=True,
        )
        shown = dict(self.pulls.progress)

        def follow_pulls() -> None:
            nonlocal shown
            before, shown = shown, dict(self.pulls.progress)
            if before != shown:
                picker.refill()
            if before.keys() - shown.keys():
                picker.run_worker(shelf.look_here())

        shelf.grown = picker.refill
        self.app.push_screen(picker, chosen)
        picker.run_worker(shelf.look())
        picker.set_interval(_PROGRESS_SECONDS, follow_pulls)

    def _take(self, key: str, shelf: ModelShelf) -> None:
        """A row of the shelf was chosen."""
        failure = shelf.failure(key)
        if key.startswith(ABSENT):
            self._pull_or_stop(key.removeprefix(ABSENT))
        elif key.startswith(AWAY) and wants_login(failure):
            self.log_in_to(key.removeprefix(AWAY))
        elif key.startswith(AWAY):
            self._choose_model(key.removeprefix(AWAY))
        elif failure is not None:
            self.complain(failure)
        else:
            self.use_model(key)

    def _pull_or_stop(self, name: str) -> None:
        talk, model = self.talk, self.talk.session.model

        def ended(name: str, failure: ChattermError | None) -> None:
            if failure is not None:
                said = f"{name} did not come: {failure.message}"
                self.complain(ModelError(said, hint=failure.hint))
                return
            # Who has gone elsewhere meanwhile, or chosen another model, is not taken away from it.
            is_waited_for = self.talk is talk or self.talk.chat_id is None
            if is_waited_for and self.talk.session.model == model:
                self.app.notify(f"{name} is on this machine now", markup=False)
                self.use_model(name)
            else:
                key = self.standing.key("model")
                self.app.notify(f"{name} is on this machine now; {key} takes it", markup=False)

        if not self.pulls.begin(name, ended):
            self.pulls.stop(name)
            self.whisper(f"pulling {name} is stopped; choose it again to go on")

    def use_model(self, model: str) -> None:
        """The next answer comes from that model."""
        name = whole_name(model)
        self.talk.session.model = name
        self.talk.session.backend = self.desk.backend(name)
        self.refresh_path()
        self.warm(is_wanted=True)
        self.whisper(f"{short_name(name)} answers from now on")

    def action_parameters(self) -> None:
        from chatterm.tui.screens.parameters import Parameters

        def chosen(params: Params | None) -> None:
            if params is not None and params != self.talk.session.params:
                self.use_params(params)

        self.app.push_screen(Parameters(self.desk, self.talk.session.params), chosen)

    def use_params(self, params: Params) -> None:
        self.talk.session.params = params
        self.warm()
        self.whisper(params_text(params) or "parameters are left to the model")

    def action_summarise(self) -> None:
        """Put a summary, which the model writes, in the place of the older messages."""
        if self.talk.busy:
            self.whisper("an answer is being written; wait for its end, or stop it")
        elif self.talk.chat_id is None:
            self.whisper("there is nothing to sum up yet")
        else:
            self.talk.summarise()
            self.reading.follow()

    def action_compare(self) -> None:
        from chatterm.tui.screens.compare import begin_comparing

        begin_comparing(self)
