"""Drives headless Chromium through its debugging pipe, with nothing but Python's own library.

Reads a list of steps as JSON from standard input and prints what came of them as JSON:
  {"do": "size", "width": 400, "height": 900, "dark": true}
  {"do": "open", "url": "http://..."}                 waits until the page has loaded
  {"do": "evaluate", "js": "document.title"}          its value is among the results
  {"do": "wait", "js": "a condition", "seconds": 300}  true among the results, or false when the time is over
  {"do": "key", "key": "Tab"}
  {"do": "screenshot", "path": "page.png"}            the whole page
The output: {"results": [texts, or what is no text as JSON], "errors": [what the console or the page complained of], "requests": [addresses]}.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time


class Browser:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="browser-")
        # The browser reads commands from descriptor 3 and writes to 4.
        command_read, self.commands = os.pipe()
        self.replies, reply_write = os.pipe()

        def wire():
            os.dup2(command_read, 100)
            os.dup2(reply_write, 101)
            os.dup2(100, 3)
            os.dup2(101, 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
             f"--user-data-dir={self.folder}", "--remote-debugging-pipe", "about:blank"],
            preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(command_read)
        os.close(reply_write)
        self.rest, self.number, self.session = b"", 0, None
        self.errors, self.requests, self.loaded = [], [], False
        target = [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"][0]
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")

    def read(self):
        while b"\0" not in self.rest:
            piece = os.read(self.replies, 1 << 16)
            if not piece:
                raise RuntimeError("the browser has ended")
            self.rest += piece
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def note(self, message):
        method, values = message.get("method"), message.get("params", {})
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])
        elif method == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning"):
            self.errors.append(values["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(values["exceptionDetails"].get("text", "exception"))
        elif method == "Runtime.consoleAPICalled" and values["type"] in ("error", "warning", "assert"):
            self.errors.append(json.dumps(values["args"]))

    def call(self, method, **values):
        self.number += 1
        message = {"id": self.number, "method": method, "params": values}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            reply = self.read()
            if reply.get("id") == self.number:
                if "error" in reply:
                    raise RuntimeError(f"{method}: {reply['error']}")
                return reply["result"]
            self.note(reply)

    def evaluate(self, script):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return result["result"].get("value", result.get("exceptionDetails", {}).get("text"))

    def step(self, step):
        kind = step["do"]
        if kind == "size":
            self.call("Emulation.setDeviceMetricsOverride", width=step["width"], height=step["height"],
                      deviceScaleFactor=1, mobile=False)
            scheme = "dark" if step.get("dark") else "light"
            self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        elif kind == "open":
            self.loaded = False
            self.call("Page.navigate", url=step["url"])
            end = time.time() + 300  # the machine may be busy with the other tests
            while not self.loaded and time.time() < end:
                self.evaluate("1")
                time.sleep(0.02)
            if not self.loaded:
                raise RuntimeError("the page did not load")
        elif kind == "evaluate":
            return self.evaluate(step["js"])
        elif kind == "wait":
            end = time.time() + step.get("seconds", 300)
            while time.time() < end:
                if self.evaluate(step["js"]):
                    return True
                time.sleep(0.02)
            return False
        elif kind == "key":
            code = {"Tab": 9, "Enter": 13, " ": 32}[step["key"]]
            for phase in ("rawKeyDown", "keyUp"):
                self.call("Input.dispatchKeyEvent", type=phase, key=step["key"], windowsVirtualKeyCode=code)
        elif kind == "screenshot":
            shot = self.call("Page.captureScreenshot", captureBeyondViewport=step.get("whole", True))
            with open(step["path"], "wb") as file:
                file.write(base64.b64decode(shot["data"]))
        return None

    def end(self):
        try:
            self.session = None
            self.call("Browser.close")
        except (RuntimeError, OSError):
            pass
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


browser = Browser()
try:
    results = [browser.step(step) for step in json.load(sys.stdin)]
    results = [value if value is None or isinstance(value, str) else json.dumps(value) for value in results]
    print(json.dumps({"results": results, "errors": browser.errors, "requests": browser.requests}))
finally:
    browser.end()
