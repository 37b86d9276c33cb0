"""Who answers, and how: models, parameters, two models side by side."""

from __future__ import annotations

from collections.abc import Callable

from chatterm.errors import ChattermError
from chatterm.params import Params
from chatterm.tui.desk import short_name, whole_name
from chatterm.tui.kept import params_text
from chatterm.tui.models import ABSENT, ModelShelf
from chatterm.tui.screens.base import ChatBase
from chatterm.tui.screens.picker import Picked, Picker

_PROGRESS_SECONDS = 0.5


class ModelActions(ChatBase):
    """Mixed into the chat screen."""

    def action_models(self) -> None:
        shelf = ModelShelf(self.desk, self.talk.session.model, pulls=self.pulls.progress)

        def chosen(picked: Picked | None) -> None:
            if picked is not None:
                self.take_model(picked.key)

        picker = Picker(
            "Models",
            shelf.rows,
            placeholder="Name of a model",
            note=shelf.about,
            start=self.talk.session.model,
            wide=True,
        )
        self._show_shelf(shelf, picker, chosen)

    def _show_shelf(
        self, shelf: ModelShelf, picker: Picker, chosen: Callable[[Picked | None], None]
    ) -> None:
        shelf.grown = picker.refill
        self.app.push_screen(picker, chosen)
        picker.run_worker(shelf.look())
        picker.set_interval(
            _PROGRESS_SECONDS, lambda: picker.refill() if self.pulls.progress else None
        )

    def take_model(self, key: str) -> None:
        """A row of the shelf was chosen."""
        name = key.removeprefix(ABSENT)
        if not key.startswith(ABSENT):
            self.use_model(key)
        elif not self.pulls.begin(name, self._pulled):
            self.pulls.stop(name)
            self.whisper(f"pulling {name} is stopped; choose it again to go on")

    def _pulled(self, name: str, failure: ChattermError | None) -> None:
        """A model has come, or could not: the chat that is shown is answered by it from now on."""
        if failure is not None:
            self.complain(failure)
        else:
            self.app.notify(f"{name} is on this machine now", markup=False)
            self.use_model(name)

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
