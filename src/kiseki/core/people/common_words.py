"""What people make passwords of: words, names and neighbouring keys. Compiled by hand for `passwords.py`."""

from __future__ import annotations

KEYBOARD_ROWS = (
    "o123456789o",  # 0 is read as o
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol",
    "1q2w3e4r5t6y7u8i9oop",
    "!a#s%^&*()",
)

_WORDS = """
2o15 2o16 2o17 2o18 2o19 2o21 2o22 2o23 2o24 2o25 2o26 2o27 2o28 2o29 2o2o 2o3o 2ooo access
account action active admin administrator adobe alex alexander amanda america andrea andrew angel
angela animal anna anthony apple april arsenal ashley august austin autumn awesome baby babygirl
backup bailey banana baseball basketball batman battery beach bear beautiful bella bigdog billy
birthday black blackberry blessed blink182 blue boston brandon brother buddy bulldog butterfly
button camera canada captain carlos caroline cassie change changeit changeme charles charlie
cheese chelsea cherry chicago chicken chocolate chris christian christmas christopher claire
cocacola coffee company computer cookie cool correct corvette cowboy cristina crystal dallas
daniel danielle data database david december deep default demo dennis desktop diamond doctor
dolphin donald dragon dreams eagle edward einstein elephant elizabeth email england enter eric
everton experiment facebook family father february ferrari fire fishing flower fluffy football
forever forget france frank freedom friday friend friends gabriel galaxy games gandalf garden
gateway george germany giants ginger girls golden goldfish google grace grandma green guest guitar
hammer hannah happy harley harry health heather heaven hello helloworld hockey home honey horse
hotdog house hunter iloveyou internet ironman isabella jackson jacob james jasmine jason jennifer
jeremy jessica jesus jonathan jordan joseph joshua july june justin katie kevin keyboard killer
king kiseki kitten knight lab lakers laptop laura lauren learning letmein liberty lion lisa little
liverpool london love lovely lover loveyou lucky machine madison maggie magic manager manchester
marcus maria marina mark market marlboro martin marvin master matrix matthew maverick maxwell
melissa mercedes merlin michael michelle mickey midnight miller minecraft model monday money
monica monkey monster morgan mother mountain muffin music mustang myself naruto natalie natasha
network newyork nicholas nicole nintendo nirvana nothing november number october office oliver
orange packers panther pass passphrase passw passwd password patrick peace peanut pepper peter
phoenix picture pirate playboy player please pokemon police porsche power precious prince princess
private project purple python qwerty rabbit rachel raiders rainbow ranger rebecca red remember
research richard robert rocket ronaldo root rosebud running russia samantha samsung samuel sandra
saturday school science scooter scorpion scott secret secure security september server service
shadow sharon shopping silver simple sister skywalker slayer smith snoopy soccer sophie spider
spring staple star starwars steelers stella stephanie steven strawberry student success summer
sunday sunflower sunshine superman superuser support sweet sydney system taylor teacher team temp
test tester testing thomas thunder thursday tiger tigger tinkerbell together tomorrow toyota
tracker train training trustno1 tuesday turtle unicorn united user vanessa victor victoria vincent
virginia walter warrior water web wednesday weekend welcome whatever white william wilson windows
winner winter wizard wolf wonder work world yankees yellow york you zxcvbn
"""  # years as a guesser reads them: 0 is o
WORDS = frozenset(_WORDS.split())
