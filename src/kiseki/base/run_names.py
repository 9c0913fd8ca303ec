"""Names for runs that were given none: two words and a number (I-23)."""

from __future__ import annotations

import os

_QUALITIES = (
    "amber ample autumn azure bold brave breezy bright brisk bronze calm candid clear clever cosmic "
    "crimson crisp curious dapper daring dawn deep dusky early earnest easy eager fair fancy fearless "
    "fond fresh frosty gentle gilded glad golden grand happy hazel hidden honest humble icy jade jolly "
    "keen kind lively lofty loyal lucid lucky lunar mellow merry mild misty mossy neat nimble noble "
    "olive patient pearly placid plucky polar proud quick quiet rapid rosy royal rustic sandy scarlet "
    "serene sharp silent silver sleek smooth snowy solar solid spring stable steady still stormy "
    "sturdy summer sunny swift tender tidy tranquil upbeat valiant velvet violet vivid warm wild "
    "winter wise witty young zesty"
)
_THINGS = (
    "acorn alder anchor aspen aurora badger basin bay beacon birch bloom breeze bridge brook canyon "
    "cedar cliff cloud clover comet coral cove crane creek crest dale delta dove dune eagle ember "
    "falcon fern field finch fjord flame forest fox garden gale glade glacier grove gull harbor hare "
    "heron hill horizon island ivy juniper kestrel lagoon lake lantern larch lark leaf lily lynx maple "
    "marsh meadow mesa mist moon moss mountain oak ocean orchid osprey otter owl peak pebble pine "
    "planet plain pond poppy prairie quail rain raven reef ridge river robin rose sail sea shadow "
    "shore sky sparrow spruce star stone stream summit sun swan thicket thistle tide trail valley "
    "wave willow wind wood wren zephyr"
)
_NUMBERS = 1000


def run_name() -> str:
    """Return a name such as `quiet-river-12`, drawn from the operating system's random source (T-08)."""
    # So much larger than what it is divided by that no name is favoured.
    rest = int.from_bytes(os.urandom(16), "little")
    words = []
    for choices in (_QUALITIES.split(), _THINGS.split()):
        rest, place = divmod(rest, len(choices))
        words.append(choices[place])
    return f"{words[0]}-{words[1]}-{rest % (_NUMBERS - 1) + 1}"
