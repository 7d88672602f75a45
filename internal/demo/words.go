package demo

// The words that rows are made of. Their order matters: a seed picks by number.

// givenNames and familyNames come with the form used in e-mail addresses.
var givenNames = [][2]string{
	{"Anna", "anna"}, {"Ben", "ben"}, {"Chloé", "chloe"}, {"Dmitri", "dmitri"}, {"Elif", "elif"}, {"Farid", "farid"},
	{"Grace", "grace"}, {"Hana", "hana"}, {"Inés", "ines"}, {"Jürgen", "juergen"}, {"Kwame", "kwame"}, {"Łukasz", "lukasz"},
	{"Maya", "maya"}, {"Noah", "noah"}, {"Olga", "olga"}, {"Priya", "priya"}, {"Quentin", "quentin"}, {"Rosa", "rosa"},
	{"Søren", "soren"}, {"Tomás", "tomas"}, {"Uma", "uma"}, {"Vera", "vera"}, {"Wei", "wei"}, {"Ximena", "ximena"},
	{"Yusuf", "yusuf"}, {"Zoë", "zoe"}, {"さくら", "sakura"}, {"Αλέξης", "alexis"},
}

var familyNames = [][2]string{
	{"Adler", "adler"}, {"Bianchi", "bianchi"}, {"Costa", "costa"}, {"Dubois", "dubois"}, {"Eriksson", "eriksson"},
	{"Fernández", "fernandez"}, {"García", "garcia"}, {"Hoffmann", "hoffmann"}, {"Ivanova", "ivanova"}, {"Jensen", "jensen"},
	{"Kowalski", "kowalski"}, {"López", "lopez"}, {"Müller", "mueller"}, {"Nakamura", "nakamura"}, {"O'Brien", "obrien"},
	{"Patel", "patel"}, {"Quinn", "quinn"}, {"Rossi", "rossi"}, {"Şahin", "sahin"}, {"Tanaka", "tanaka"}, {"Usman", "usman"},
	{"Virtanen", "virtanen"}, {"Weiß", "weiss"}, {"Yılmaz", "yilmaz"}, {"Zhang", "zhang"},
}

// places have a longitude and a latitude.
var places = []struct {
	city     string
	lon, lat float64
}{
	{"Berlin", 13.405, 52.52}, {"Köln", 6.9603, 50.9375}, {"Kraków", 19.945, 50.0647}, {"Lisboa", -9.1393, 38.7223},
	{"London", -0.1276, 51.5072}, {"Lyon", 4.8357, 45.764}, {"Malmö", 13.0038, 55.605}, {"Milano", 9.19, 45.4642},
	{"México", -99.1332, 19.4326}, {"Nairobi", 36.8219, -1.2921}, {"Osaka", 135.5023, 34.6937}, {"Porto", -8.6291, 41.1579},
	{"Reykjavík", -21.9426, 64.1466}, {"São Paulo", -46.6333, -23.5505}, {"Sydney", 151.2093, -33.8688},
	{"Toronto", -79.3832, 43.6532}, {"Wien", 16.3738, 48.2082}, {"Zürich", 8.5417, 47.3769},
}

var storeKinds = []string{"Market Hall", "Old Town", "Station", "Riverside", "North Gate"}

var services = []string{"parking", "repairs", "gift wrapping", "pickup", "cafe"}

var categories = []string{"kitchen", "garden", "office", "travel", "toys", "sports"}

// things by category, in the order of categories.
var things = [][]string{
	{"kettle", "teapot", "frying pan", "salad bowl", "pepper mill", "bread knife", "mixing bowl", "coffee grinder"},
	{"watering can", "lantern", "bird house", "plant pot", "garden bench", "trowel", "rain gauge", "fire bowl"},
	{"desk lamp", "pen holder", "notebook stand", "wall clock", "letter tray", "ruler", "book end", "paper weight"},
	{"suitcase", "rucksack", "water bottle", "luggage tag", "travel mug", "hip flask", "camp stool", "compass"},
	{"train set", "spinning top", "puzzle", "building blocks", "yo-yo", "marble run", "kite", "music box"},
	{"skipping rope", "dumbbell", "frisbee", "yoga block", "climbing hold", "table tennis bat", "whistle", "sled"},
}

var styles = []string{
	"folding", "hand-made", "vintage", "compact", "striped", "polished", "lightweight", "heavy-duty", "classic",
	"engraved", "painted", "silent", "stackable", "waterproof",
}

var materials = []string{
	"copper", "oak", "bamboo", "steel", "enamel", "cork", "walnut", "brass", "linen", "ceramic", "aluminium", "glass", "leather", "wool",
}

var colours = []string{"red", "moss green", "sky blue", "natural", "black", "white", "mustard", "terracotta"}

var praises = []string{
	"Made to last, and easy to clean.", "Small enough for a shelf, large enough for a family.", "Designed with people who use it every day.",
	"Comes in a box of recycled paper.", "Spare parts can be ordered for ten years.", "Each one is a little different.",
	"Tested outdoors through two winters.", "Weighs less than you would think.",
}

var notes = []string{
	"Please ring twice.", "Leave it with the neighbours, second floor.", "It is a birthday present, no invoice in the parcel please.",
	"Deliver after 17:00.", "Beware of the dog 🐕", "Call me when you are downstairs.", "Bitte im Hof abstellen.",
}

// verdicts by stars, from one to five.
var verdicts = [][]string{
	{"Broke after a week", "Not as shown", "Sent it back"},
	{"Disappointing", "Looks better than it works", "Too expensive"},
	{"It is all right", "Does what it should", "Neither good nor bad"},
	{"Good, with one small flaw", "Would buy it again", "Pleasant surprise"},
	{"Love it", "The best one I ever had", "Perfect 🙂"},
}

var remarks = []string{
	"Delivery took three days.", "The colour is a bit darker than in the picture.", "My daughter uses it every morning.",
	"The handle gets warm.", "I bought a second one for my brother.", "The manual is hard to read.", "It smells of fresh paint at first.",
	"Très bien emballé.", "Works well with the set I already had.", "After a year it still looks new.",
}
