"""``play`` and ``replay``: a person teaches in the window, and the log rebuilds what they taught, bit for bit."""

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hfrl import build, registry
from hfrl.blend import Blend, Switch, refusal
from hfrl.config import DEFAULT_ENV, Arm, plain_flags
from hfrl.experiment import Session
from hfrl.loop import evaluate, play
from hfrl.presets import Preset, preset
from hfrl.reaction import fit, median
from hfrl.reading import Arrays, is_finite, is_whole, parse_json, read_arrays, read_json, read_lines
from hfrl.record import command_line, create_run, write_arrays, write_json
from hfrl.seeding import streams
from hfrl.session import (
    LEVERS,
    OTHER_EVENTS,
    Desk,
    FrameClock,
    Person,
    RealClock,
    Replayed,
    SessionClosed,
    SessionLog,
    Shown,
    Staged,
)
from hfrl.types import Event, Judgement, Learnt, UserError
from hfrl.undo import Memory

#: `--warmup auto` trains until a greedy evaluation reaches this share of the optimum, in chunks, at most so long.
WARM_ENOUGH, WARM_CHUNK, WARM_MOST = 0.95, 10_000, 300_000
#: The delays of a reaction test, in the folder of the seed.
DELAYS = "delays.txt"
NOVICE_ENV = "hfrl/Pizza-v0"


class Start(NamedTuple):
    """How a session began: all that a replay needs beside the log."""

    arm: Arm
    seed: int
    warmup: int
    load: str | None


def live_seed(seed: int) -> int:
    """The seed of the taught part: another one than the warm-up's, derived from it."""
    return int(np.random.SeedSequence([seed, 1]).generate_state(1)[0])


def prepare(start: Start, render_mode: str | None) -> tuple[Session, tuple[int, int]]:
    """The parts of a session as they are when the teaching begins, and the steps and episodes that lie behind."""
    session = Session(start.arm, start.seed)
    if start.load is not None:
        session.restore(read_arrays(Path(start.load)))
    elif start.warmup:
        for _ in play(session.env, session.agent, blend=session.switch, seed=start.seed, steps=start.warmup):
            pass
    session.env.close()
    session.env = build.make_env(start.arm.env, start.arm.env_kwargs, render_mode)
    return session, (session.agent.steps, session.agent.episodes)


def enough_warmup(arm: Arm, seed: int) -> int:
    """How many steps ``--warmup auto`` means here: until the agent is near the automated optimum."""
    from hfrl.summary import optimum

    session = Session(arm, seed)
    best = optimum(session.evaluation_env).automated
    if best is None:
        session.close()
        return WARM_CHUNK * 5
    goal = best - (1 - WARM_ENOUGH) * abs(best)
    steps = 0
    for event in play(session.env, session.agent, blend=session.switch, seed=seed, steps=WARM_MOST):
        if isinstance(event, Learnt):
            steps += 1
            if steps % WARM_CHUNK == 0:
                result = evaluate(session.evaluation_env, session.agent, 20, session.evaluation_seed)
                if result.returns.mean() >= goal:
                    break
    session.close()
    return steps


def all_blends(agent: Any, switch: Switch) -> list[Blend]:
    """The blends that `b` goes through: the chosen one first, then every other that goes with the agent, with its
    defaults."""
    others = [build.make_blend(name) for name in registry.BLENDS if name != switch.blend.name]
    alike = [one for one in others if one.extends == switch.blend.extends]  # an agent is not made anew on the way
    return [switch.blend, *(one for one in alike if not refusal(one, agent, switch.model, agent.gamma))]


# --- play ------------------------------------------------------------------------------------------------------------


def run_play(flags: Any) -> int:
    """Open the window, teach, and leave a run folder that can be replayed."""
    from hfrl import window
    from hfrl.live import Live, Wiring

    arm = _arm(flags)
    window.check_display()
    if flags.seed < 0:
        raise UserError(f"--seed must be 0 or more, got {flags.seed}")
    size = _size(flags.size)
    script = _script(flags, window)
    keys = window.KEYS if flags.keymap is None else window.read_keymap(flags.keymap)
    start = _start(flags, arm)
    session, since = prepare(start, "rgb_array")
    _check_pictures(session.env, arm)
    run = create_run(Path(flags.out), arm, command_line())
    folder = run / f"seed_{flags.seed}"
    write_json(folder / "session.json", {"seed": start.seed, "warmup": start.warmup, "load": start.load})
    write_arrays(folder / "initial.npz", session.arrays())
    log = SessionLog(folder / "feedback.jsonl", flags.trainer)
    wiring = Wiring(session.env, session.agent, session.switch, session.credit, live_seed(start.seed), since)
    desk = Desk(session.agent, session.switch, all_blends(session.agent, session.switch))
    memory = Memory(session.agent, session.switch, session.credit)
    clock = FrameClock() if flags.fast else RealClock()
    live = Live(wiring, Person(desk, session.credit, memory, clock, log, flags.speed))
    live.print_cards = flags.card
    live.person.wait_for_me = flags.wait
    live.open()

    def finish() -> Any:
        log.close()
        if not live.hung:
            write_arrays(folder / "final.npz", session.arrays())
        write_json(folder / "summary.json", live.summary() | {"finished": live.failed is None})
        write_delays(folder, live.delays)
        return _end_card(live, run, folder, arm.trust)

    try:
        window.Window(live, script, size, keys).run(finish)
    except OSError as error:
        live.stop()
        raise UserError(f"the session could not be saved whole: {error}; what could be written is in {run}") from error
    finally:
        live.stop()
        with contextlib.suppress(OSError):  # said above, if the disk is full
            log.close()
            if not live.hung and not (folder / "final.npz").exists():
                write_arrays(folder / "final.npz", session.arrays())
    for line in _end_card(live, run, folder, arm.trust).lines:
        print(line)
    if live.failed is not None:
        raise UserError(
            f"the agent failed after {live.done_steps} steps ({type(live.failed).__name__}: {live.failed}); "
            f"everything up to then is in {run}"
        )
    return 0


def _arm(flags: Any) -> Arm:
    if not (1 <= flags.speed <= 30 or 0.2 <= flags.speed <= 1):
        raise UserError(f"--speed must be within [0.2, 30] steps per second, got {flags.speed}")
    if flags.load is not None and flags.warmup not in ("0", "auto"):
        raise UserError("--load goes on from a saved agent and --warmup trains a new one: give one of them")
    taken = _loaded(flags) if flags.preset is None else preset(flags.preset)
    chosen = dict(taken.set if taken else {}) | registry.settings(flags.set, "--set") | plain_flags(flags)
    agent = flags.agent or (taken.agent if taken else "q_learning")
    arm = Arm(
        env=flags.env or (taken.env if taken else DEFAULT_ENV),
        agent=agent,
        teacher="none",
        blend=flags.blend or ("reward_shaping" if registry.hears_reward(agent) else "none"),
        credit=flags.credit,
        total_timesteps=1,
        seeds=(flags.seed,),
        set=chosen,
        env_kwargs=dict(taken.env_kwargs if taken else {}) | registry.settings(flags.env_kwargs, "--env-kwargs"),
    )
    build.check(arm)
    return arm


def _loaded(flags: Any) -> Preset | None:
    """What the run that ``--load`` names was made with, for what no flag says; None where no config tells."""
    from hfrl.saved import load_arm

    run = None if flags.load is None else _saved(flags.load).parent.parent
    if run is None or not (run / "config.json").is_file():
        return None
    arm = load_arm(run)
    chosen = arm.set if flags.agent in (None, arm.agent) else {}
    world = arm.env_kwargs if flags.env in (None, arm.env) else {}
    return Preset(arm.agent, arm.env, arm.total_timesteps, dict(chosen), dict(world))


def _start(flags: Any, arm: Arm) -> Start:
    if flags.load is not None:
        return Start(arm, flags.seed, 0, str(_saved(flags.load)))
    if flags.warmup == "auto" and not registry.hears_reward(arm.agent):
        return Start(arm, flags.seed, 0, None)  # it would learn nothing from the automated reward
    if flags.warmup == "auto":
        return Start(arm, flags.seed, enough_warmup(arm, flags.seed), None)
    if not flags.warmup.isdigit():
        raise UserError(f"--warmup must be a number of steps or auto, got {flags.warmup!r}")
    return Start(arm, flags.seed, int(flags.warmup), None)


def _saved(path: str) -> Path:
    from hfrl.record import find_runs, seed_folders

    given = Path(path)
    folder = given if (given / "final.npz").is_file() else seed_folders(find_runs(path)[-1])[0]
    return (folder / "final.npz").resolve()


def _script(flags: Any, window: Any) -> Any:
    for name in ("duration", "at"):
        value = getattr(flags, name)
        if value is not None and value < 0:
            raise UserError(f"--{name} must be 0 or more seconds, got {value}")
    if flags.fast and flags.duration is None:
        raise UserError("--fast runs on a simulated clock and needs --duration S")
    screenshot = None if flags.screenshot is None else Path(flags.screenshot)
    if screenshot is not None and screenshot.suffix.lower() != ".png":
        raise UserError(f"--screenshot writes a .png, got {flags.screenshot!r}")
    gif = None if flags.gif is None else Path(flags.gif)
    if gif is not None and gif.suffix.lower() != ".gif":
        raise UserError(f"--gif writes a .gif, got {flags.gif!r}")
    keys = () if flags.keys is None else window.read_keys(flags.keys)
    return window.Script(keys, flags.duration, screenshot, flags.at, gif)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not re.fullmatch(r"[0-9]{1,5}x[0-9]{1,5}", text) or not (
        800 <= int(width) <= 7680 and 600 <= int(height) <= 4320
    ):
        raise UserError(f"--size must be WIDTHxHEIGHT, 800x600 to 7680x4320, got {text!r}")
    return int(width), int(height)


def _check_pictures(env: Any, arm: Arm) -> None:
    modes = env.metadata.get("render_modes", [])
    if "rgb_array" not in modes:
        raise UserError(f"{arm.env} cannot be drawn in the window: it offers {', '.join(modes) or 'no pictures'}")


def write_delays(folder: Path, delays: Sequence[float]) -> None:
    """Where a reaction test was done: one delay in seconds a line, as ``--credit empirical:file=...`` reads them."""
    if delays:
        (folder / DELAYS).write_text("".join(f"{delay!r}\n" for delay in delays), encoding="utf-8")


def _end_card(live: Any, run: Path, folder: Path, trust: str) -> Any:
    from hfrl.view import Notice

    s = live.summary()
    mean = "none finished" if s["mean_return"] is None else f"mean return {s['mean_return']:.2f}"
    manner = live.insight.traits.words()
    lines = [
        f"session   {s['steps']} steps, {s['episodes']} episodes ({mean}), {s['seconds']:.0f} s",
        f"you   {s['rewards']} rewards, {s['penalties']} penalties, {s['neutral']} neutral, "
        f"{s['taken_back']} taken back",
        *([f"your manner   {manner}"] if manner else ()),
        f"saved in   {run}",
        f"again   python -m hfrl.run replay {run}{trust}",
    ]
    if live.delays:
        lines.append(f"delay   {median(live.delays):.2f} s; next time: --credit empirical:file={folder / DELAYS}")
    return Notice("Thank you", lines, "press any key to close")


# --- replay ----------------------------------------------------------------------------------------------------------


def is_delay(value: Any) -> bool:
    """Whether a value from a log is a delay in seconds."""
    return is_finite(value) and value >= 0


def check_event(event: Any, before: list[dict[str, Any]]) -> None:
    """An event of a log has what a replay needs. Raises ValueError with what is wrong."""
    if not isinstance(event, dict) or not {"event", "t", "step", "episode", "value"} <= event.keys():
        raise ValueError("an event needs event, t, step, episode and value")
    kind, value = event["event"], event["value"]
    if not isinstance(kind, str) or kind not in (*LEVERS, *OTHER_EVENTS):
        raise ValueError(f"unknown event {kind!r}")
    if not is_finite(event["t"]):
        raise ValueError(f"t must be seconds, got {event['t']!r}")
    for key in ("step", "episode") if kind != "reaction" else ():
        if not is_whole(event[key]):
            raise ValueError(f"{key} must be a whole number, got {event[key]!r}")
    if kind in ("feedback", "speed") and not is_finite(value):
        raise ValueError(f"the value of {kind} must be a number, got {value!r}")
    if kind == "reaction" and not (isinstance(value, list) and value and all(map(is_delay, value))):
        raise ValueError(f"the value of reaction must be delays in seconds, got {value!r}")
    if kind == "drive" and (not is_whole(value) or value < 0):
        raise ValueError(f"the value of drive must be an action, got {value!r}")
    if kind == "blend" and not isinstance(value, str):
        raise ValueError(f"the value of blend must be a name, got {value!r}")
    if kind == "slider" and not (isinstance(value, list) and len(value) == 2 and is_finite(value[1])):
        raise ValueError(f"the value of slider must be a name and a number, got {value!r}")
    if kind == "take_back":
        pressed = is_whole(value) and 1 <= value <= len(before) and before[value - 1]["event"] == "feedback"
        if not pressed:
            raise ValueError(f"take_back must name the line of a press, got {value!r}")


def check_order(event: dict[str, Any], last: int | None) -> None:
    """No step between two steps of a log is missing. Raises ValueError."""
    if event["event"] == "step" and last is not None and event["step"] != last + 1:
        raise ValueError(f"step {last + 1} is missing before step {event['step']}")


def read_log(path: Path) -> list[dict[str, Any]]:
    """The events of a session's log; a last line that was cut off by a crash is left out. Raises UserError."""
    events: list[dict[str, Any]] = []
    last: int | None = None
    for number, line in enumerate(read_lines(path), start=1):
        if line == b"\n":
            continue
        try:
            event = parse_json(line)
            check_event(event, events)
            check_order(event, last)
        except ValueError as error:
            if not line.endswith(b"\n"):  # the machine died while it was written
                break
            raise UserError(f"{path}, line {number}: {error}") from error
        events.append(event)
        last = event["step"] if event["event"] == "step" else last
    return events


def run_replay(flags: Any) -> int:
    """Rebuild the agent of a recorded session, or learn the same presses by another method."""
    from hfrl.record import find_runs

    if flags.fit_delay is not None:
        if flags.blend is not None or flags.show:
            raise UserError("--fit-delay finds how late the person pressed: leave out --blend and --show")
        from hfrl.lateness import run_fit  # it runs the session again by this very module

        return run_fit(flags.run, flags.fit_delay, flags.trust)
    run = find_runs(flags.run)[-1]
    folder = _session_folder(run)
    start = recorded_start(run, folder, flags.trust)
    if flags.blend is not None:
        return _relearn(flags, start, folder)
    if flags.show:
        return _show(flags, start, folder)
    session, replayed, _ = replayed_events(start, folder)
    rebuilt = session.arrays()
    session.close()
    out = folder / "replayed.npz"
    write_arrays(out, rebuilt)
    print(f"Replayed {replayed.steps} steps of {run}; the agent is in {out}")
    if not (folder / "final.npz").is_file():
        print("The session was cut off before it saved its agent: this is the agent as it was at the last logged step.")
        return 0
    same = equal(rebuilt, read_arrays(folder / "final.npz"))
    print("It is the same as the session's, bit for bit." if same else "It differs from the session's.")
    return 0 if same else 1


def _session_folder(run: Path) -> Path:
    folders = sorted(file for file in run.glob("seed_*/session.json") if re.fullmatch("seed_[0-9]+", file.parent.name))
    if not folders:
        raise UserError(f"{run} holds no session of a person (no seed_<n>/session.json); replay is for runs of play")
    return folders[0].parent


def recorded_start(run: Path, folder: Path, trust: bool) -> Start:
    """How a recorded session began. Raises UserError."""
    from hfrl.saved import load_arm

    arm = dataclasses.replace(load_arm(run, trust), seeds=(int(folder.name.removeprefix("seed_")),))
    facts = read_json(folder / "session.json")
    counts: list[Any] = [facts.get(key) for key in ("seed", "warmup")] if isinstance(facts, dict) else [None]
    if not all(is_whole(count) and count >= 0 for count in counts):
        raise UserError(f"{folder / 'session.json'} is damaged: expected seed and warmup, whole numbers of at least 0")
    return Start(arm, facts["seed"], facts["warmup"], facts.get("load"))


def _restored(start: Start, folder: Path) -> tuple[Session, tuple[int, int]]:
    """The session as it began: from the arrays that were saved then, so that a replay needs no warm-up again."""
    session = Session(start.arm, start.seed)
    session.restore(read_arrays(folder / "initial.npz"))
    return session, (session.agent.steps, session.agent.episodes)


def _show(flags: Any, start: Start, folder: Path) -> int:
    """The recorded session in the window, at the watcher's pace."""
    from hfrl import window
    from hfrl.live import Live, Wiring
    from hfrl.view import Notice

    window.check_display()
    script = _script(flags, window)
    session, since = _restored(start, folder)
    session.env.close()
    session.env = build.make_env(start.arm.env, start.arm.env_kwargs, "rgb_array")
    replayed = _replayed(session, folder)
    if not replayed.steps:
        raise UserError(f"{folder} has no step to show")
    seed = live_seed(start.seed)
    wiring = Wiring(session.env, session.agent, session.switch, session.credit, seed, since, replayed.steps)
    live = Live(wiring, Shown(replayed, FrameClock() if flags.fast else RealClock(), flags.speed))
    live.open()
    live.start()

    def finish() -> Notice:
        return Notice("The end", (f"shown   {live.done_steps} of {replayed.steps} steps",), "press any key to close")

    window.Window(live, script, _size(flags.size), window.KEYS).run(finish)
    session.close()
    return 0


def replayed_events(start: Start, folder: Path) -> tuple[Session, Replayed, list[Event]]:
    """A recorded session to its end: its parts as they are then, and all that happened."""
    session, since = _restored(start, folder)
    replayed = _replayed(session, folder)
    return session, replayed, list(_again(session, replayed, start, since))


def _replayed(session: Session, folder: Path) -> Replayed:
    desk = Desk(session.agent, session.switch, all_blends(session.agent, session.switch))
    desk.stage = Staged(session.env, unseen)
    memory = Memory(session.agent, session.switch, session.credit)
    events = read_log(folder / "feedback.jsonl")
    for event in events:
        if event["event"] == "reaction":
            fit(session.credit, event["value"])
    return Replayed(desk, session.credit, memory, events)


def unseen(env: Any) -> None:
    """Nobody watches a replay."""


def _again(session: Session, replayed: Replayed, start: Start, since: tuple[int, int]) -> Iterator[Event]:
    """The river of the recorded session."""
    if not replayed.steps:
        return
    events = play(
        replayed.desk.stage, session.agent, replayed, session.switch, session.credit, live_seed(start.seed),
        replayed.time, since=since,
    )  # fmt: skip
    try:
        for event in events:
            replayed.memory.note(event)
            yield event
    except SessionClosed:
        return  # where the person quit
    except UserError as error:
        raise UserError(f"the log feedback.jsonl cannot be replayed: {error}") from error
    except Exception:
        if not replayed.failed:  # where the agent failed then, it fails again
            raise


def _relearn(flags: Any, start: Start, folder: Path) -> int:
    """The recorded steps with the same presses, learnt by another blend: off-policy, in the recorded order."""
    blend = build.make_blend(flags.blend)
    recorded, replayed, events = replayed_events(start, folder)
    reason = refusal(blend, recorded.agent, recorded.switch.model, recorded.agent.gamma)
    if reason:
        raise UserError(f"agent {start.arm.agent} in {start.arm.env}: {reason}")
    steps = [event.judgement.step for event in events if isinstance(event, Learnt)]
    said = replayed.memory.judgements()
    recorded.close()
    fresh, _ = _restored(start, folder)
    fresh.switch.blend = blend
    fresh.switch.begin(fresh.agent, streams(start.seed).network)
    episode = None
    for step in steps:
        judgement = said.get(step.index, Judgement(step))
        if step.episode != episode:
            fresh.switch.begin_episode(step.index, step.episode)
            episode = step.episode
        fresh.switch.index, fresh.switch.episode = step.index + 1, step.episode
        if judgement.credits:
            fresh.switch.observe(judgement)
        fresh.switch.learn(fresh.agent, judgement)
    out = folder / f"relearnt_{blend.name.replace('+', '_')}.npz"
    write_arrays(out, fresh.arrays())
    result = fresh.evaluate(50, with_h=False)
    guided = fresh.evaluate(50, with_h=True)
    fresh.close()
    print(f"Learnt {len(steps)} recorded steps again with {blend.name}; the agent is in {out}")
    if not blend.reward:
        print(
            f"{blend.name} only changes behaviour, and the behaviour is recorded: what the presses change here is "
            "H alone."
        )
    for name, one in (("alone", result), ("with H in its policy", guided)):
        taste = "" if one.tastes is None else f", taste {one.tastes.mean():.2f}"
        print(f"  {name}: return {one.returns.mean():.2f}{taste}")
    return 0


def equal(one: Arrays, other: Arrays) -> bool:
    """Whether two saved agents are the same to the last bit."""
    return one.keys() == other.keys() and all(
        one[key].dtype == other[key].dtype and np.array_equal(one[key], other[key]) for key in one
    )
