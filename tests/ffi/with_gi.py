"""GObject introspection's callbacks, for one call, asynchronous, until it is let go."""

import sys

import sandbox

try:
    from gi.repository import Gio, GLib
except ImportError as error:
    print(error)
    sys.exit(77)

sandbox.refuse_exec_gain()
loop, seen = GLib.MainLoop(), []


def tick(*args):
    seen.append(args)
    if len(seen) < 1000:
        return True
    loop.quit()
    return False


GLib.idle_add(tick, "data")
loop.run()
assert seen == [("data",)] * 1000

action = Gio.SimpleAction.new("name", None)
action.connect("activate", lambda *args: seen.append("activated"))
action.activate(None)
assert seen[-1] == "activated"

store = Gio.ListStore.new(Gio.SimpleAction)
for i in range(100):
    item = Gio.SimpleAction.new(f"{i * 37 % 100:02}", None)
    store.insert_sorted(item, lambda a, b: int(a.get_name()) - int(b.get_name()))
assert [store[i].get_name() for i in range(100)] == [f"{i:02}" for i in range(100)]


def loaded(file, result):
    seen.append(file.load_contents_finish(result)[0])
    loop.quit()


Gio.File.new_for_path(__file__).load_contents_async(None, loaded)
loop.run()
assert seen[-1] is True
sandbox.finish()
