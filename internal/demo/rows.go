package demo

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// opening is when the shop's history begins, today is when it ends. Both are fixed, since rows
// must not depend on the day on which they are made.
var (
	opening = time.Date(2023, 3, 1, 8, 0, 0, 0, time.UTC)
	today   = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
)

const (
	day      = "2006-01-02"
	second   = "2006-01-02 15:04:05"
	milli    = "2006-01-02 15:04:05.000"
	micro    = "2006-01-02 15:04:05.000000"
	idleFrom = 30 * 24 * time.Hour // orders older than this are settled
)

// product is what other rows need to know of one.
type product struct {
	id    int64
	cents int64
}

// generator makes rows. It holds what rows that were made earlier mean for later ones.
type generator struct {
	rnd      *rand.Rand
	stores   []string
	products []product
}

func newGenerator(seed uint64) *generator {
	return &generator{rnd: rand.New(rand.NewPCG(seed, 0x6d6565706f))}
}

func pick[T any](g *generator, from []T) T { return from[g.rnd.IntN(len(from))] }

// chance is true in percent of a hundred calls.
func (g *generator) chance(percent int) bool { return g.rnd.IntN(100) < percent }

// between returns a time in [from, to), in whole microseconds.
func (g *generator) between(from, to time.Time) time.Time {
	return from.Add(time.Duration(g.rnd.Int64N(int64(to.Sub(from)/time.Microsecond))) * time.Microsecond)
}

// some returns a random selection of names joined by commas, possibly empty, as a SET takes it.
func (g *generator) some(names []string) string {
	var chosen []string
	for _, name := range names {
		if g.chance(30) {
			chosen = append(chosen, name)
		}
	}
	return strings.Join(chosen, ",")
}

func (g *generator) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.rnd.UintN(256))
	}
	return b
}

// cents reads what money has written.
func cents(money string) int64 {
	n, err := strconv.ParseInt(strings.Replace(money, ".", "", 1), 10, 64)
	if err != nil {
		panic("not an amount of money with two digits behind the point: " + money) // the column holds no other
	}
	return n
}

func money(cents int64) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	return fmt.Sprintf("%s%d.%02d", sign, cents/100, cents%100)
}

func (g *generator) store(n int) []any {
	place := places[n%len(places)]
	code := fmt.Sprintf("S%03d", n+1)
	g.stores = append(g.stores, code)
	return []any{
		code,
		place.city + " " + storeKinds[n/len(places)%len(storeKinds)],
		place.city,
		float64(int((place.lon+g.rnd.Float64()*0.1)*1e4)) / 1e4,
		float64(int((place.lat+g.rnd.Float64()*0.1)*1e4)) / 1e4,
		g.between(opening, today).Format(day),
		fmt.Sprintf("%02d:30:00", 7+g.rnd.IntN(3)),
		fmt.Sprintf("%02d:00:00", 18+g.rnd.IntN(4)),
		g.some(services),
		float32(g.rnd.IntN(9000)+800) / 10,
	}
}

func (g *generator) customer(id int64) []any {
	given, family := pick(g, givenNames), pick(g, familyNames)
	created := g.between(opening, today)
	var birthday, preferences, seen any
	if g.chance(80) {
		birthday = g.between(time.Date(1940, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2008, 1, 1, 0, 0, 0, 0, time.UTC)).Format(day)
	}
	if g.chance(60) {
		preferences = fmt.Sprintf(`{"language": %q, "theme": %q, "size": %d}`,
			pick(g, []string{"en", "de", "fr", "pl", "pt", "ja"}), pick(g, []string{"light", "dark"}), 10+g.rnd.IntN(8))
	}
	if g.chance(90) {
		seen = g.between(created, today).Format(second)
	}
	return []any{
		id, g.uuid(), fmt.Sprintf("%s.%s.%d@example.org", given[1], family[1], id), given[0] + " " + family[0], pick(g, places).city,
		birthday, g.some(categories), preferences, g.rnd.IntN(60_000) - 500, g.chance(40), created.Format(micro), seen,
	}
}

// uuid returns a version 4 UUID.
func (g *generator) uuid() []byte {
	b := g.bytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return b
}

func (g *generator) product(id int64) []any {
	category := g.rnd.IntN(len(categories))
	style, material, thing := pick(g, styles), pick(g, materials), pick(g, things[category])
	name := strings.ToUpper(style[:1]) + style[1:] + " " + material + " " + thing
	cents := int64(g.rnd.ExpFloat64()*4000)/10*10 + 295
	g.products = append(g.products, product{id, cents})
	var thumbnail any
	if g.chance(50) {
		thumbnail = append([]byte{0x89, 'P', 'N', 'G'}, g.bytes(28)...)
	}
	first := g.between(opening, today)
	return []any{
		id, fmt.Sprintf("%c%c-%06d", categories[category][0]-32, material[0]-32, id),
		strconv.FormatUint(10_000_000_000_000_000_000+g.rnd.Uint64N(8_000_000_000_000_000_000), 10), // above the signed range
		name, fmt.Sprintf("A %s %s of %s. %s %s", style, thing, material, pick(g, praises), pick(g, praises)),
		categories[category], money(cents), float64(int(g.rnd.ExpFloat64()*1500)+20) / 1000, g.rnd.IntN(400) - 15, first.Year(), g.rnd.IntN(256),
		fmt.Sprintf(`{"colour": %q, "material": %q, "size_cm": [%d, %d, %d], "recycled": %t}`,
			pick(g, colours), material, 5+g.rnd.IntN(90), 5+g.rnd.IntN(60), 2+g.rnd.IntN(40), g.chance(35)),
		thumbnail, g.chance(93), g.between(first, today).Format(milli),
	}
}

// order returns the row of an order placed at a time, and the rows of its lines.
func (g *generator) order(id, customer int64, lines int, placed time.Time) (row []any, items [][]any) {
	var total int64
	for line := 1; line <= lines; line++ {
		// The square makes some products sell far better than others.
		f := g.rnd.Float64()
		p := g.products[int(f*f*float64(len(g.products)))]
		quantity, discount := int64(1+g.rnd.IntN(4)), int64(0)
		if g.chance(20) {
			discount = int64(25 * (1 + g.rnd.IntN(12)))
		}
		total += (p.cents*quantity*(1000-discount) + 500) / 1000
		items = append(items, []any{id, line, p.id, quantity, money(p.cents), fmt.Sprintf("0.%03d", discount)})
	}
	status, paid, shipped, took := g.progress(placed)
	var store, note any
	if g.chance(45) {
		store = pick(g, g.stores)
	}
	if g.chance(15) {
		note = pick(g, notes)
	}
	return []any{
		id, customer, store, status, money(total), pick(g, []string{"EUR", "EUR", "EUR", "GBP", "CHF"}),
		placed.Format(micro), paid, shipped, took, g.chance(10), note,
	}, items
}

// progress decides how far an order has come: old ones are settled, young ones are under way.
func (g *generator) progress(placed time.Time) (status string, paid, shipped, took any) {
	steps := 1 + g.rnd.IntN(4)
	if today.Sub(placed) > idleFrom {
		steps = 5
	}
	status = []string{"", "new", "paid", "packed", "shipped", "delivered"}[steps]
	if steps == 5 && g.chance(6) {
		status = "returned"
	}
	if steps >= 2 {
		paid = placed.Add(time.Duration(g.rnd.IntN(7200)) * time.Second).Format(second)
	}
	if steps >= 4 {
		wait := time.Duration(3600+g.rnd.IntN(90*3600)) * time.Second // often more than a day
		shipped, took = placed.Add(wait).Format(second), clock(wait)
	}
	return status, paid, shipped, took
}

func clock(d time.Duration) string {
	s := int(d / time.Second)
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

func (g *generator) review(id, product, customer int64) []any {
	stars := 1 + g.rnd.IntN(5)
	if g.chance(50) {
		stars = 4 + g.rnd.IntN(2)
	}
	return []any{
		id, product, customer, stars, pick(g, verdicts[stars-1]), pick(g, remarks) + " " + pick(g, remarks),
		g.rnd.IntN(40), g.between(opening, today).Format(second),
	}
}
