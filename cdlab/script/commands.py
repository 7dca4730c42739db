"""
A history as the git, docker and kubectl commands that a person would type: a bash script.

In: a history of either substrate. Out: a script that replays the run by hand on a lab that
`cdlab up` has started. Revisions and digests come out different each time, so that the script
keeps them in variables. Called by `cdlab run --commands`; `script_frame` has what stands around.

What the run did at the same time the script does one after the other, in the order in which it was
over, and it acts with one login. Reads, polls and decisions that changed nothing are left out;
what failed stands there as a comment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from cdlab.history import Event, History
from cdlab.report.narration import tell
from cdlab.script.clones import clones, image_prefix
from cdlab.script.frame import Addresses, footer, header
from cdlab.script.shell import Names, comment


def script(history: History, addresses: Addresses | None = None) -> str:
    """The script. The addresses default to those of a lab without settings of its own."""
    prefix = image_prefix(history)
    body = Script(history, Names(prefix)).lines()
    frame = addresses or Addresses()
    return "\n".join([header(history, frame), *body, footer(history)]) + "\n"


class Script:
    """The body of a script, built event by event."""

    def __init__(self, history: History, names: Names) -> None:
        self.history = history
        self.names = names
        self.clone_of, self.pushes = clones(history)
        self._lines: list[str] = []
        self._done: set[int] = set()
        self._folder = ""
        self._by = ("", "")
        self._unsettled: dict[tuple[str, str], None] = {}
        """(environment, workload) whose rollout nobody waited for yet."""

    def lines(self) -> list[str]:
        """All commands, with comments that say who types them and what for."""
        for event in self.history:
            self._add(event)
        self._settle()
        return self._lines

    def _add(self, event: Event) -> None:
        if event.seq in self._done:
            return
        self._done.add(event.seq)
        if event.outcome in ("failed", "unknown"):
            self._sign(event)
            self._lines.append(comment(f"fails: {event.kind}: {event.because}"))
        elif event.kind in COMMANDS:
            COMMANDS[event.kind](self, event)

    def _sign(self, event: Event) -> None:
        """Say who acts from here on, when that changes."""
        by = (event.principal, event.intent)
        if by != self._by:
            self._by = by
            who = {"ci": "CI", "manager": "The release manager"}.get(by[0], f"The {by[0]}")
            self._lines += ["", comment(f"{who}, for {by[1]}" if by[1] else who)]

    def _run(self, event: Event, *commands: str) -> None:
        self._sign(event)
        self._lines += commands

    def _in(self, event: Event, *commands: str) -> None:
        """Run commands in the checkout that an event belongs to."""
        clone = self.clone_of.get(event.seq)
        if clone is None:
            self._run(event, comment(f"{event.kind} has no clone in this history"))
            return
        if clone.event.seq not in self._done:
            self._add(clone.event)
        self._run(event, *self._enter(clone.folder), *commands)

    def _enter(self, folder: str) -> list[str]:
        if folder == self._folder:
            return []
        self._folder = folder
        return [f'cd "$WORK/{folder}"']

    def request(self, event: Event) -> None:
        """What people ask for, after they have seen what they asked for before."""
        self._settle()
        told = tell(event)
        self._by = ("", "")
        self._lines += ["", comment(f"People {told.what if told else event.intent}.")]

    def clone(self, event: Event) -> None:
        clone = self.clone_of[event.seq]
        if not clone.is_used:
            return
        revision = event.detail["revision"]
        push = self.pushes.get(revision)
        if push is not None:
            # On real machines the answer to a push may come after somebody saw its effect.
            self._add(push)
        url = f'"$GIT/{event.resource}.git"'
        self._run(event, f'git clone --quiet {url} "$WORK/{clone.folder}"')
        self._lines += self._enter(clone.folder)
        if event.principal == "ci" and event.component == "code-repo":
            self._lines.append(f"git checkout --quiet {self.names.variable(revision)}")

    def commit(self, event: Event) -> None:
        message = self.names.word(event.detail["message"])
        made = self._files(event.detail["files"])
        self._in(event, *made, "git add --all", f"git commit --quiet -m {message}")
        self._remember(event)

    def merge(self, event: Event) -> None:
        message = self.names.word(event.detail["message"])
        self._in(
            event,
            "git switch --quiet --create change",
            *self._files(event.detail["files"]),
            "git add --all",
            f"git commit --quiet -m {message}",
            "git switch --quiet main",
            f"git merge --quiet --no-ff -m {message} change",
        )
        self._remember(event)

    def merge_again(self, event: Event) -> None:
        merged = self.names.variable(event.detail["merged"])
        self._in(event, f"git merge --no-ff --no-edit {merged}")
        self._remember(event)

    def revert(self, event: Event) -> None:
        mainline = event.detail["mainline"]
        parent = f"-m {mainline} " if mainline else ""
        reverted = self.names.variable(event.detail["reverted"])
        self._in(event, f"git revert --no-edit {parent}{reverted}")
        self._remember(event)

    def reset(self, event: Event) -> None:
        revision = self.names.variable(event.detail["revision"])
        self._in(event, f"git reset --quiet --hard {revision}")

    def push(self, event: Event) -> None:
        force = "--force " if event.detail["force"] else ""
        self._in(event, f"git push --quiet {force}origin HEAD:main")

    def _files(self, files: Mapping[str, str]) -> list[str]:
        folders = sorted({path.rpartition("/")[0] for path in files} - {""})
        made = [f"mkdir -p {' '.join(map(self.names.word, folders))}"] if folders else []
        for path, text in files.items():
            target = self.names.word(path)
            if text.endswith("\n"):
                made.append(f"cat > {target} {self.names.heredoc(text)}")
            else:
                made.append(f"printf %s {self.names.word(text)} > {target}")
        return made

    def _remember(self, event: Event) -> None:
        variable = self.names.name("REVISION", event.detail["revision"])
        if variable:
            self._lines.append(f"{variable}=$(git rev-parse HEAD)")
        self.clone_of[event.seq].files.update(event.detail.get("files", {}))

    def note(self, event: Event) -> None:
        line, revision = event.detail["line"], event.detail["revision"]
        folder = f"notes-{event.seq}"
        self._run(
            event,
            f'git clone --quiet "$GIT/{event.resource}.git" "$WORK/{folder}"',
            *self._enter(folder),
            "git fetch --quiet origin '+refs/notes/*:refs/notes/*'",
            f"git notes --ref=cdlab-health append -m {self.names.word(line)} "
            f"{self.names.variable(revision)}",
            "git push --quiet origin refs/notes/cdlab-health",
        )

    def build(self, event: Event) -> None:
        has_cache = self.history.settings["variant"]["has_build_cache"]
        options = "--quiet $LABELS" if has_cache else "--quiet --no-cache $LABELS"
        ref = self.names.word(event.detail["ref"])
        self._in(event, f"docker build {options} -t {ref} .")

    def push_image(self, event: Event) -> None:
        ref = self.names.word(event.detail["ref"])
        variable = self.names.name("DIGEST", event.digest_after)
        capture = [f"{variable}=$(digest_of {ref})"] if variable else []
        self._run(event, f"docker push --quiet {ref}", *capture)

    def set_image(self, event: Event) -> None:
        name = event.detail["workload"]
        image = f"{name}={self.names.word(event.detail['image'])}"
        self._kubectl(event, name, f"set image deployment/{name} {image}")

    def apply(self, event: Event) -> None:
        manifest = event.detail["manifest"]
        clone = self.clone_of.get(event.seq)
        name = self._workload(manifest)
        for path, text in clone.files.items() if clone else ():
            if text == manifest and clone:
                self._run(event, *self._enter(clone.folder))
                self._kubectl(event, name, f"apply -f {self.names.word(path)}")
                return
        text = manifest if manifest.endswith("\n") else f"{manifest}\n"
        self._kubectl(event, name, f"apply -f - {self.names.heredoc(text)}")

    def undo(self, event: Event) -> None:
        name = event.detail["workload"]
        self._kubectl(event, name, f"rollout undo deployment/{name}")

    def prune(self, event: Event) -> None:
        for each in event.detail["objects"]:
            name = self.names.word(each.lower())
            self._run(event, f'kubectl -n "$NAMESPACE-{event.resource}" delete {name}')

    def status(self, event: Event) -> None:
        self._unsettled.pop((event.resource, event.detail["workload"]), None)
        self._run(event, _status(event.resource, event.detail["workload"]))

    def wipe(self, event: Event) -> None:
        self._run(event, f'kubectl -n "$NAMESPACE-{event.resource}" delete deployment --all')

    def decide(self, event: Event) -> None:
        told = tell(event)
        if told and told.what:
            self._run(event, comment(f"decides: {told.what}"))

    def _kubectl(self, event: Event, workload: str, what: str) -> None:
        self._run(event, f'kubectl -n "$NAMESPACE-{event.resource}" {what}')
        if workload:
            self._unsettled[event.resource, workload] = None

    def _workload(self, manifest: str) -> str:
        """Which microservice a manifest is of."""
        for name in self.history.settings["microservices"]:
            if re.search(rf"(?m)^  name: {re.escape(name)}$", manifest):
                return str(name)
        return ""

    def see(self, event: Event) -> None:
        """People waited here until they saw what they wanted."""
        self._settle()

    def _settle(self) -> None:
        if self._unsettled:
            self._lines += ["", comment("Wait until it runs.")]
        self._lines += [_status(*each) for each in self._unsettled]
        self._unsettled.clear()


def _status(environment: str, workload: str) -> str:
    return (
        f'kubectl -n "$NAMESPACE-{environment}" rollout status deployment/{workload} --timeout=120s'
    )


COMMANDS: Mapping[str, Callable[[Script, Event], None]] = {
    "IntentDeclared": Script.request,
    "RepositoryCloned": Script.clone,
    "Committed": Script.commit,
    "Merged": Script.merge,
    "MergedAgain": Script.merge_again,
    "Reverted": Script.revert,
    "WasReset": Script.reset,
    "CommitPushed": Script.push,
    "CommitAnnotated": Script.note,
    "ImageBuilt": Script.build,
    "ImagePushed": Script.push_image,
    "ImageSet": Script.set_image,
    "ManifestsApplied": Script.apply,
    "ObjectsPruned": Script.prune,
    "RolloutUndone": Script.undo,
    "RolloutFinished": Script.status,
    "EnvironmentWiped": Script.wipe,
    "Decided": Script.decide,
    "RollbackSeen": Script.see,
}
"""Kind of event -> how it is typed. Kinds that are missing are not typed: reads, waits, pods."""
