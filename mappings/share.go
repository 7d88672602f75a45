package mappings

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/meepo-replicate/meepo/source"
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

// meet finds destinations that are spread and may be other mappings', too. Those of one name share it, as all that have one name do.
func (c *compiler) meet() {
	names := slices.Sorted(maps.Keys(c.destinations))
	for i, name := range names {
		for _, other := range names[:i] {
			if (IsSpread(name) || IsSpread(other)) && mayMeet(name, other) {
				a, b := c.destinations[other][0], c.destinations[name][0]
				c.conflict(a, b, b.place(), "let them begin with other texts", "destinations %q and %q may be the same one", other, name)
			}
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
		c.conflict(a, b, at, "give one of them another `to`", "destination %q: mappings %q and %q both send table %s there", dest, a.m.Name.Value, b.m.Name.Value, first)
	case b.m.ID.Value == "" && b.m.To.Value == "":
		c.conflict(a, b, at, "name another destination for one of them, with `to` in a mapping of its own",
			"destination %q: tables %s and %s would share it, and their rows may have the same ids", dest, first, second)
	case a.m.ID.Value == "" || b.m.ID.Value == "":
		c.conflict(a, b, at, "leave `to` out, so that each table gets a destination of its own, or keep them apart by an id such as \"{db}.{table}:{"+b.one.columns.KeyColumns()[0].Name+"}\"",
			"destination %q: tables %s and %s would share it, and their rows may have the same ids", dest, first, second)
	case a.m.ID.Value != b.m.ID.Value:
		c.conflict(a, b, at, "write the same `id` in both mappings", "destination %q: tables %s and %s would share it, and ids of two forms may be the same", dest, first, second)
	default:
		t := b.m.ID.template()
		if t.names("db") && first.Schema != second.Schema || t.names("table") && first.Name != second.Name {
			return
		}
		missing := "{table}"
		if first.Name == second.Name {
			missing = "{db}"
		}
		c.conflict(a, b, at, "add "+missing, "destination %q: rows of %s and %s may have the same id %q", dest, first, second, b.m.ID.Value)
	}
}

// conflict says why two plans cannot share a destination. Whoever has to go on without one of their tables finds both there.
func (c *compiler) conflict(a, b taken, at Place, hint, format string, args ...any) {
	if c.errors.has(at) {
		return
	}
	c.errors.add(at, hint, format, args...)
	c.errors[len(c.errors)-1].Between = []source.Table{a.plan.Table(), b.plan.Table()}
}

// unite gives plans of one destination the fields of all, in one order.
func (c *compiler) unite(plans []taken) {
	var all []targets.Field
	at, from := map[string]int{}, map[string]taken{}
	for n, t := range plans {
		before := len(all)
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
			} else {
				c.conflict(from[field.Name], t, t.place(), oneType(field), "destination %q: field %q would be %s of %s and %s of %s", t.plan.dest.Name, field.Name,
					native(&field), t.one.columns.Table, native(&all[i]), from[field.Name].one.columns.Table)
			}
		}
		if n > 0 {
			c.oneShape(plans[0], t)
		}
		if n > 0 && len(all) > before {
			c.holdsAll(plans[:n], t, all)
		}
	}
	for _, t := range plans {
		t.plan.widen(all)
	}
}

// oneShape says which options would make two things of one destination.
func (c *compiler) oneShape(a, b taken) {
	mine, other := b.plan.dest.Options, a.plan.dest.Options
	for _, option := range c.rules.Options {
		if reflect.DeepEqual(mine[option.Name], other[option.Name]) {
			continue
		}
		at, there := b.placeOf(c.rules.Block, option.Name), a.placeOf(c.rules.Block, option.Name)
		c.conflict(a, b, at, "write the same in both mappings", "destination %q: %s.%s of %s is another one than that of %s in %s:%d, and both make one destination",
			b.plan.dest.Name, c.rules.Block, option.Name, b.plan.Table(), a.plan.Table(), there.File, there.Line)
	}
}

// placeOf is where a mapping says an option, or could have said it.
func (t taken) placeOf(target, option string) Place {
	for _, block := range t.m.Blocks {
		if block.Target.Value != target {
			continue
		}
		for _, setting := range block.Settings {
			if setting.Name.Value == option {
				return setting.Name.At
			}
		}
		return block.Target.At
	}
	return t.place()
}

// holdsAll says that no document can have the fields of a plan beside those of the ones before it, such as address and
// address.street.
func (c *compiler) holdsAll(before []taken, t taken, all []targets.Field) {
	err := c.canHold(t, all)
	if err == nil {
		return
	}
	other := before[0]
	for _, one := range before { // with which of them it cannot
		if c.canHold(t, slices.Concat(one.plan.dest.Fields, t.plan.dest.Fields)) != nil {
			other = one
			break
		}
	}
	c.conflict(other, t, t.place(), cmp.Or(hintOf(err), "give one of the fields another name with `fields`"),
		"destination %q: %s and %s cannot share it: %v", t.plan.dest.Name, other.plan.Table(), t.plan.Table(), err)
}

// canHold asks the target about fields, each once, in the plan's destination.
func (c *compiler) canHold(t taken, fields []targets.Field) error {
	var once []targets.Field
	for _, field := range fields {
		if !slices.ContainsFunc(once, func(f targets.Field) bool { return f.Name == field.Name }) {
			once = append(once, field)
		}
	}
	if err := c.rules.fields(once); err != nil || c.rules.Destination == nil {
		return err
	}
	dest := *t.plan.dest
	dest.Fields = once
	if err := c.rules.Destination(&dest); err != nil {
		return fmt.Errorf("%s.%w", c.rules.Block, err)
	}
	return nil
}

// oneType says how two fields of one name become alike.
func oneType(field targets.Field) string {
	if field.Kind == targets.KindFloat { // a type does not change how many bits are meant
		return "give both `type: text` with `fields`, or one of them another name"
	}
	return "give both one `type` with `fields`, or one of them another name"
}

// united is a field that holds what two of one name hold.
func united(a, b targets.Field) (targets.Field, bool) {
	if a.Kind != b.Kind || a.As != b.As || a.Precision != b.Precision || a.Scale != b.Scale {
		return a, false
	}
	if a.Kind == targets.KindFloat && a.Bits != b.Bits {
		return a, false // 0.1 of 32 bits is 0.10000000149 of 64
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
	own := make(map[string]step, len(p.steps))
	for _, s := range p.steps {
		own[s.field] = s
	}
	steps := make([]step, len(fields))
	for i, field := range fields {
		s, has := own[field.Name]
		if !has {
			s = step{field: field.Name, at: -1}
			fields[i].Nullable = true
		}
		steps[i] = s
	}
	dest := *p.dest
	dest.Fields = fields
	p.dest, p.steps = &dest, steps
}
