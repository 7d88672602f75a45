package mappings

import (
	"cmp"
	"maps"
	"slices"

	"github.com/meepo-replicate/meepo/targets"
)

// taken is a plan of a destination, and where it is from.
type taken struct {
	m    Mapping
	one  selected
	plan *Plan
}

// place is what an error about the plan's destination points at.
func (t taken) place() Place { return cmp.Or(t.m.To.At, t.m.Name.At, t.one.from.At) }

// share looks at destinations that several plans write to: their ids have to differ whatever the rows are, and
// their documents have all fields of each other.
func (c *compiler) share() {
	for _, name := range slices.Sorted(maps.Keys(c.destinations)) {
		plans := c.destinations[name]
		if len(plans) == 1 {
			continue
		}
		before := len(c.errors)
		for i, mine := range plans[1:] {
			for _, other := range plans[:i+1] {
				c.apart(name, other, mine)
			}
		}
		if len(c.errors) == before {
			c.unite(plans)
		}
	}
}

// apart says why two plans could give two rows one id.
func (c *compiler) apart(dest string, a, b taken) {
	at := b.place()
	if b.m.ID.Value != "" {
		at = b.m.ID.At
	}
	if c.errors.has(at) {
		return
	}
	first, second := a.one.columns.Table, b.one.columns.Table
	switch {
	case first == second:
		c.errors.add(at, "give one of them another `to`", "destination %q: mappings %q and %q both send table %s there", dest, a.m.Name.Value, b.m.Name.Value, first)
	case b.m.ID.Value == "" && b.m.To.Value == "":
		c.errors.add(at, "name another destination for one of them, with `to` in a mapping of its own",
			"destination %q: tables %s and %s would share it, and their rows may have the same ids", dest, first, second)
	case a.m.ID.Value == "" || b.m.ID.Value == "":
		c.errors.add(at, "leave `to` out, so that each table gets a destination of its own, or keep them apart by an id such as \"{db}.{table}:{"+b.one.columns.KeyColumns()[0].Name+"}\"",
			"destination %q: tables %s and %s would share it, and their rows may have the same ids", dest, first, second)
	case a.m.ID.Value != b.m.ID.Value:
		c.errors.add(at, "write the same `id` in both mappings", "destination %q: tables %s and %s would share it, and ids of two forms may be the same", dest, first, second)
	default:
		var said problems
		t := parseTemplate(b.m.ID, &said)
		if t.names("db") && first.Schema != second.Schema || t.names("table") && first.Name != second.Name {
			return
		}
		missing := "{table}"
		if first.Name == second.Name {
			missing = "{db}"
		}
		c.errors.add(at, "add "+missing, "destination %q: rows of %s and %s may have the same id %q", dest, first, second, b.m.ID.Value)
	}
}

// unite gives plans of one destination the fields of all, in one order.
func (c *compiler) unite(plans []taken) {
	var all []targets.Field
	at, from := map[string]int{}, map[string]taken{}
	for _, t := range plans {
		for _, field := range t.plan.dest.Fields {
			i, ok := at[field.Name]
			if !ok {
				at[field.Name] = len(all)
				from[field.Name] = t
				all = append(all, field)
				continue
			}
			if wider, fits := united(all[i], field); fits {
				all[i] = wider
			} else if at := t.place(); !c.errors.has(at) {
				c.errors.add(at, "give both one `type` with `fields`, or one of them another name",
					"destination %q: field %q would be %s of %s and %s of %s", t.plan.dest.Name, field.Name,
					native(&field), t.one.columns.Table, native(&all[i]), from[field.Name].one.columns.Table)
			}
		}
	}
	for _, t := range plans {
		t.plan.widen(all)
	}
}

// united is a field that holds what two of one name hold.
func united(a, b targets.Field) (targets.Field, bool) {
	if a.Kind != b.Kind || a.As != b.As || a.Precision != b.Precision || a.Scale != b.Scale {
		return a, false
	}
	a.Bits = max(a.Bits, b.Bits)
	if a.Length == 0 || b.Length == 0 {
		a.Length = 0
	} else {
		a.Length = max(a.Length, b.Length)
	}
	a.Nullable = a.Nullable || b.Nullable
	a.Key = a.Key && b.Key
	for _, member := range b.Members {
		if !slices.Contains(a.Members, member) {
			a.Members = append(slices.Clone(a.Members), member)
		}
	}
	return a, true
}

// widen gives the plan's documents these fields; those that it has no value for are NULL.
func (p *Plan) widen(fields []targets.Field) {
	steps := make([]step, len(fields))
	for i, field := range fields {
		steps[i] = step{field: field.Name, at: -1}
		for j, own := range p.dest.Fields {
			if own.Name == field.Name {
				steps[i] = p.steps[j]
			}
		}
		has := slices.ContainsFunc(p.dest.Fields, func(own targets.Field) bool { return own.Name == field.Name })
		fields[i].Nullable = field.Nullable || !has
	}
	dest := *p.dest
	dest.Fields = fields
	p.dest, p.steps = &dest, steps
}
