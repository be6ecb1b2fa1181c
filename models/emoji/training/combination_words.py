"""Which pictures of the set may be combined, and what they are called when they are.

A line is `caption` or `caption=noun`: the noun takes "a", a colour or a number. Combinations that the model card tests are never made
(`COMBINATIONS`), so that what it draws of them is learnt from others."""

PLURALS = {
    "fish": "fish", "scissors": "scissors", "sheep": "sheep", "mouse": "mice", "goose": "geese", "wolf": "wolves", "leaf": "leaves", "scarf": "scarves",
    "cherries": "cherries", "ox": "oxen", "knife": "knives", "deer": "deer", "tooth": "teeth", "box": "boxes", "bus": "buses",
    "dress": "dresses", "octopus": "octopuses", "cactus": "cactuses", "sandwich": "sandwiches", "watch": "watches", "fox": "foxes",
}

ANIMAL_FACES = """monkey face=monkey; dog face=dog; wolf; fox; raccoon; cat face=cat; tiger face=tiger; cow face=cow; pig face=pig; mouse face=mouse;
hamster; rabbit face=rabbit; polar bear; polar bear=bear; koala; panda; frog; dragon face=dragon; unicorn; teddy bear=bear; grinning cat=grinning cat; boar;
hatching chick=chick; alien; robot; skull; ghost; owl; penguin""".replace("\n", " ")

FACES = """smiling face=smiling face; grinning face=grinning face; winking face; angry face; sleeping face; face with tears of joy=laughing face;
smiling face with heart-eyes=face with heart eyes; astonished face; loudly crying face=crying face; kissing face; smirking face; clown face;
slightly smiling face=smiley; frowning face; enraged face; pleading face""".replace("\n", " ")

ANIMALS = """monkey; gorilla; orangutan; dog; poodle; tiger; leopard; horse; zebra; cow; pig; ram; ewe=sheep; goat; camel; llama; giraffe; elephant;
rhinoceros; hippopotamus; mouse; rabbit; chipmunk; beaver; hedgehog; bat; sloth; otter; skunk; kangaroo; badger; turkey; chicken; rooster;
baby chick=chick; bird; dove; eagle; duck; swan; flamingo; peacock; parrot; goose; crocodile; turtle; lizard; snake; sauropod=dinosaur;
whale; dolphin; seal; fish; tropical fish=tropical fish; blowfish; shark; jellyfish; crab; lobster; shrimp; squid; snail; butterfly; bug; ant;
honeybee=bee; lady beetle=ladybug; spider; scorpion; mosquito; mammoth; spouting whale=whale""".replace("\n", " ")

FOOD = """grapes=bunch of grapes; melon; watermelon; tangerine=orange; lemon; banana; pineapple; red apple=apple; green apple=apple; pear; peach;
cherries=pair of cherries; strawberry; tomato; coconut; avocado; eggplant; potato; carrot; hot pepper=pepper; bell pepper; cucumber; garlic; onion;
mushroom; bread; croissant; pretzel; bagel; waffle; cheese wedge=cheese; hamburger; pizza; sandwich; taco; egg; rice ball; ice cream;
soft ice cream=ice cream; doughnut=donut; doughnut; cookie; birthday cake=cake; birthday cake; shortcake; cupcake; pie; chocolate bar; candy; lollipop; custard;
teapot; wine glass; cocktail glass=cocktail; beer mug=beer; glass of milk=glass of milk; hot beverage=cup of coffee; dumpling""".replace("\n", " ")

PLANTS = """white flower=flower; hibiscus; sunflower; tulip; blossom=flower; cherry blossom=flower; potted plant=plant; evergreen tree=tree;
evergreen tree=pine tree; palm tree; cactus; maple leaf=leaf; four leaf clover; bouquet; lotus""".replace("\n", " ")

VEHICLES = """automobile=car; oncoming automobile=car; sport utility vehicle=car; racing car; bus; tractor; pickup truck=truck; motorcycle; motor scooter=scooter;
bicycle; sailboat; speedboat=boat; ship; airplane; helicopter; rocket; flying saucer; train; tram; fire engine; police car; skateboard;
kick scooter=scooter; canoe; parachute""".replace("\n", " ")

THINGS = """house; castle; church; tent; balloon; umbrella; star; glowing star=star; crescent moon=moon; full moon=moon; cloud; sun; fire; droplet=drop; snowflake;
blue heart=heart; yellow heart=heart; green heart=heart; purple heart=heart; orange heart=heart; wrapped gift=gift; wrapped gift=present; trophy; ribbon;
soccer ball; soccer ball=ball; basketball; baseball; volleyball; tennis=tennis ball; kite; crystal ball; puzzle piece; yo-yo; game die=die; guitar; violin; trumpet;
saxophone; drum; accordion; mobile phone=phone; telephone; laptop; camera; television; light bulb; candle; flashlight; closed book=book; blue book=book;
green book=book; envelope; pencil; pen; paintbrush; crayon; pushpin; scissors; key; old key=key; hammer; axe; dagger; bomb; shield; screwdriver;
gear; magnet; ladder; telescope; microscope; pill; door; bed; chair; toilet; bathtub; broom; bucket; soap; toothbrush; shopping cart; hourglass done=hourglass;
watch; stopwatch; bell; megaphone; microphone; headphone=pair of headphones; radio; crown; top hat=hat; sunglasses=pair of sunglasses; necktie=tie; t-shirt;
jeans=pair of jeans; scarf; coat; dress; socks=pair of socks; purse; backpack; running shoe=shoe; high-heeled shoe=shoe; hiking boot=boot; ring; lipstick; anchor;
wheel; money bag; coin; package=box; postbox; locked=lock; paperclip; bone; brain; tooth; eye; ear; nose; pile of poo; jack-o-lantern=pumpkin;
Christmas tree; firecracker; magic wand; bullseye=target; boomerang; bowling=bowling ball; nazar amulet; joystick; video game=game controller;
alembic; ringed planet=planet; ice skate; skis=pair of skis; boxing glove; diving mask""".replace("\n", " ")

# What people ask for first: more often than the rest in numbers, pairs and with a colour, where a thing has a quarter of the picture and
# takes many examples to be learnt.
COMMON = """dog face=dog; cat face=cat; rabbit face=rabbit; mouse face=mouse; pig face=pig; cow face=cow; tiger face=tiger; panda; koala; frog; fox; monkey face=monkey;
polar bear=bear; teddy bear=bear; penguin; elephant; fish; baby chick=chick; bird; duck; butterfly; whale; turtle; owl; unicorn; snake; honeybee=bee; lady beetle=ladybug;
horse; ghost; robot; red apple=apple; green apple=apple; red apple=apple; banana; lemon; tangerine=orange; strawberry; pear; peach; watermelon; pineapple; tomato; carrot; mushroom;
pizza; pizza; hamburger; doughnut=donut; ice cream; cookie; birthday cake=cake; egg; bread; cheese wedge=cheese; hibiscus=flower; tulip=flower; sunflower; evergreen tree=tree;
palm tree; cactus; maple leaf=leaf; automobile=car; automobile=car; bus; rocket; airplane; train; sailboat=boat; bicycle; pickup truck=truck; house; balloon; umbrella;
star; star; crescent moon=moon; cloud; sun; fire; snowflake; pink heart=heart; orange heart=heart; purple heart=heart; yellow heart=heart; blue heart=heart; wrapped gift=gift;
soccer ball=ball; basketball; guitar; closed book=book; key; old key=key; hammer; bell; crown; top hat=hat; mobile phone=phone; light bulb; camera; trophy;
jack-o-lantern=pumpkin; scissors; candle; bone""".replace("\n", " ")

HATS = "top hat=hat; top hat=top hat; crown; rescue worker’s helmet=helmet; military helmet=helmet; ribbon=bow"
GLASSES = "sunglasses; sunglasses; sunglasses; goggles"
CARRIED = """balloon; umbrella; tulip=flower; sunflower; key; guitar; trumpet; hammer; lollipop; ice cream; magic wand; closed book=book; pencil; yellow heart=heart; star;
soccer ball=ball; trophy; wrapped gift=gift; candle; scarf; carrot; banana; kite; bell; sparkler; magnifying glass tilted left=magnifying glass""".replace("\n", " ")
SEATS = """automobile=car; house; skateboard; chair; bed; mushroom; elephant; horse; turtle; rocket; couch and lamp=couch; birthday cake=cake; pizza; hamburger; cloud; drum;
tram; bus; wrapped gift=gift; package=box; crescent moon=moon; whale; toilet; sailboat=boat; closed book=book; pickup truck=truck; cheese wedge=cheese; cupcake""".replace("\n", " ")
SMILERS = """red apple=apple; green apple=apple; tangerine=orange; lemon; peach; tomato; egg; cookie; doughnut=donut; pear; eggplant; potato; onion; watermelon=watermelon; coconut;
cloud; star; yellow heart=heart; blue heart=heart; purple heart=heart; green heart=heart; basketball; volleyball; balloon; bread; rice ball; cupcake; droplet=drop;
evergreen tree=tree; mushroom; tooth; hamburger; pizza; house; bell; television; automobile=car; crystal ball; strawberry; ringed planet=planet; sun; moon cake;
light bulb; teapot; wrapped gift=gift; pile of poo; white flower=flower; sunflower; jack-o-lantern=pumpkin; full moon=moon""".replace("\n", " ")

# feeling: the face that it is taken from
FEELINGS = {
    "smiling": ["slightly smiling face", "smiling face with smiling eyes", "smiling face"],
    "grinning": ["grinning face", "grinning face with big eyes"],
    "sad": ["frowning face", "slightly frowning face", "pensive face"], "winking": ["winking face"],
    "surprised": ["astonished face", "face with open mouth"], "sleeping": ["relieved face"], "crying": ["loudly crying face"],
}

COLOURS = ["red", "orange", "yellow", "green", "blue", "purple", "pink", "black", "white", "brown", "grey", "golden"]
GROUNDS = {
    "red": (222, 48, 56), "orange": (246, 140, 40), "yellow": (255, 214, 60), "green": (70, 176, 84), "blue": (58, 122, 226),
    "purple": (140, 82, 200), "pink": (250, 160, 196), "black": (24, 24, 28), "grey": (150, 152, 158), "light blue": (160, 210, 250),
    "brown": (132, 88, 58),
}

# The card's words and combinations, chosen before the model was trained on combinations.
EVERYDAY = """red apple; banana; strawberry; pineapple; watermelon; lemon; dog; cat; tiger; penguin; butterfly; fish; elephant; frog; pizza; hamburger;
birthday cake; ice cream; doughnut; egg; sun; rainbow; snowflake; cloud with rain; crescent moon; palm tree; car; rocket; bicycle; airplane; train; sailboat;
hammer; scissors; key; umbrella; guitar; light bulb; smiling face; angry face""".replace("\n", " ").split("; ")
COMBINATIONS = """a blue apple; a purple car; a green cat; a pink elephant; a red frog; a yellow fish; a golden key; an orange penguin; a green dog; a pink rocket;
a blue banana; a black pizza; two hearts; three stars; two apples; two cats; three balloons; two rockets; three bananas; two fish; a cat and a key;
a dog and a ball; an apple and a banana; a car and a tree; a pizza and a heart; a frog and a crown; a sun and a cloud; a big star and a small heart; a dog with a hat;
a car with wings; a cat with sunglasses; a bear with a crown; a penguin with an umbrella; a pig with a hat; a fox with a crown; a smiling apple;
a rocket on a blue background; an apple on a black background; a cat on a pink background; a flower on a green background""".replace("\n", " ").split("; ")
