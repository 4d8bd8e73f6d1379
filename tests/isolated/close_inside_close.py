"""The callable's __qualname__, asked for the report's sake, closes the closure itself."""

import threading
import time

import pytramp


class Named:
    def __call__(self, n):
        return n

    def __getattr__(self, name):
        if name == "__qualname__" and "action" in self.__dict__:
            self.__dict__.pop("action")()
        raise AttributeError(name)


def close_again():
    closure.close()


def close_in_another_thread():
    thread = threading.Thread(target=closure.close)
    thread.start()
    time.sleep(0.05)
    thread.join()


for action in (close_again, close_in_another_thread):
    for provoke in (lambda closure: closure.close(), repr):
        named = Named()
        closure = pytramp.callback("int (int)", named)
        named.action = action
        provoke(closure)
        assert closure.closed
        assert "action" not in vars(named)
pytramp._core.pool_check()
print("done")
