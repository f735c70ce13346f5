"""Chromium without a screen, driven by the W3C WebDriver protocol; no package is needed for it."""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests

DRIVER, CHROMIUM = shutil.which("chromedriver"), shutil.which("chromium")
MISSING = "" if DRIVER and CHROMIUM else "no chromium and chromedriver: apt-get install both"
_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--force-device-scale-factor=1",
]  # fmt: skip
_KEYS = {
    "Enter": "\ue007", "Backspace": "\ue003", "Escape": "\ue00c", "ArrowDown": "\ue015",
    "ArrowUp": "\ue013", "ArrowLeft": "\ue012", "ArrowRight": "\ue014", "Tab": "\ue004",
    "Delete": "\ue017", "F2": "\ue032", "F4": "\ue034", "F8": "\ue038",
}  # fmt: skip
_HELD = {"Shift": "\ue008", "Control": "\ue009", "Alt": "\ue00a"}


class Browser:
    """One window of Chromium.

    Args:
        profile: an empty folder for its data.
    """

    def __init__(self, profile: Path, *, dark: bool = False, size: str = "1100,820") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._driver = subprocess.Popen(
            [str(DRIVER), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._at = f"http://127.0.0.1:{port}"
        until(lambda: requests.get(f"{self._at}/status", timeout=5).json()["value"]["ready"])
        flags = [*_FLAGS, f"--user-data-dir={profile}", f"--window-size={size}"]
        flags += ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"] if dark else []
        options = {"binary": CHROMIUM, "args": flags}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options}
        found = self._call("POST", "/session", capabilities={"alwaysMatch": wanted})
        self._at += f"/session/{found['sessionId']}"

    def close(self) -> None:
        with suppress(requests.RequestException):
            self._call("DELETE", "")
        self._driver.terminate()
        self._driver.wait()

    def open(self, url: str) -> None:
        self._call("POST", "/url", url=url)

    def window(self, url: str) -> str:
        """Another window, which is used from now on; what it is called."""
        name = str(self._call("POST", "/window/new", type="window")["handle"])
        self.turn_to(name)
        self.open(url)
        return name

    def turn_to(self, window: str) -> None:
        """Use another window."""
        self._call("POST", "/window", handle=window)

    def close_window(self) -> None:
        """Close this one; another one has to be turned to."""
        self._call("DELETE", "/window")

    def reload(self) -> None:
        self._call("POST", "/refresh")

    def run(self, script: str, *arguments: Any) -> Any:
        return self._call("POST", "/execute/sync", script=script, args=list(arguments))

    def text(self, css: str) -> str:
        """What a person reads there; nothing of what is hidden."""
        return str(self.run("return document.querySelector(arguments[0]).innerText", css))

    def sees(self, css: str) -> bool:
        return bool(
            self.run("const e = document.querySelector(arguments[0]); "
                     "return !!e && e.getClientRects().length > 0", css)
        )  # fmt: skip

    def click(self, css: str) -> None:
        element = self._call("POST", "/element", using="css selector", value=css)
        self._call("POST", f"/element/{next(iter(element.values()))}/click")

    def rest(self, css: str) -> None:
        """Let the mouse rest on an element."""
        element = self._call("POST", "/element", using="css selector", value=css)
        step = {"type": "pointerMove", "duration": 0, "x": 0, "y": 0, "origin": element}
        mouse = {"type": "pointer", "id": "mouse0", "parameters": {"pointerType": "mouse"}}
        self._call("POST", "/actions", actions=[{**mouse, "actions": [step]}])

    def press(self, *keys: str) -> None:
        """Keys of the keyboard, by name or as letters; Shift+Enter, and so on, together."""
        actions = []
        for key in keys:
            *held, last = key.split("+") if len(key) > 1 else [key]
            for letter in [_KEYS[last]] if last in _KEYS else last:
                chord = [*(_HELD[name] for name in held), letter]
                actions += [{"type": "keyDown", "value": one} for one in chord]
                actions += [{"type": "keyUp", "value": one} for one in reversed(chord)]
        keyboard = {"type": "key", "id": "keyboard", "actions": actions}
        self._call("POST", "/actions", actions=[keyboard])

    def drag(self, *path: tuple[float, float], hand: str = "mouse", button: int = 0) -> None:
        """Press at the first point, in pixels of the window, and go through the others."""
        self.hands([path], hand, button)

    def hands(
        self, paths: Sequence[Sequence[tuple[float, float]]], hand: str = "touch", button: int = 0
    ) -> None:
        """Several fingers at once, each along its path."""

        fingers = [
            (f"{hand}{number}", _strokes([path], button)) for number, path in enumerate(paths)
        ]
        actions = [
            {"type": "pointer", "id": id, "parameters": {"pointerType": hand}, "actions": steps}
            for id, steps in fingers
        ]
        self._call("POST", "/actions", actions=actions)

    def strokes(self, paths: Sequence[Sequence[tuple[float, float]]]) -> None:
        """One stroke of the mouse after the other."""
        mouse = {"type": "pointer", "id": "mouse0", "parameters": {"pointerType": "mouse"}}
        self._call("POST", "/actions", actions=[{**mouse, "actions": _strokes(paths, 0)}])

    def becomes(
        self, width: int, height: int, *, ratio: float = 1, dark: bool = False, touch: bool = False
    ) -> None:
        """Another screen."""
        mode = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._cdp("Emulation.setEmulatedMedia", features=[mode])
        self._cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=ratio, mobile=touch)  # fmt: skip
        self._cdp("Emulation.setTouchEmulationEnabled", enabled=touch)

    def _cdp(self, command: str, **parameters: Any) -> Any:
        return self._call("POST", "/goog/cdp/execute", cmd=command, params=parameters)

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._call("GET", "/screenshot")))

    def _call(self, method: str, path: str, **body: Any) -> Any:
        data = {"json": body} if method == "POST" else {}
        answer = requests.request(method, self._at + path, timeout=60, **data).json()
        value = answer["value"]
        if isinstance(value, dict) and "error" in value:
            raise AssertionError(f"{value['error']}: {value['message']}")
        return value


def _strokes(paths: Sequence[Sequence[tuple[float, float]]], button: int) -> list[dict[str, Any]]:
    """Paths of a pointer as steps of the protocol."""
    down, up = ({"type": kind, "button": button} for kind in ("pointerDown", "pointerUp"))
    steps = []
    for path in paths:
        moves = [{"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)}
                 for x, y in path]  # fmt: skip
        steps += [moves[0], down, *moves[1:], up]
    return steps


def until(holds: Callable[[], Any], seconds: float = 30) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while True:
        with suppress(requests.RequestException):
            if holds():
                return
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.05)
