package mappings

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/mappings/expressions"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// builder makes the plan of one table of a mapping.
type builder struct {
	c       *compiler
	missing *missing
	wrong   bool // something was said, here or of another table
	m       Mapping
	columns source.Columns
	plan    *Plan
	places  map[string]int // of columns in the selection
	id      template       // of m.ID
	shapes  []shape        // one per field, for the fingerprint
}

// build makes a plan of choices that have been checked. The error is of the table; what is wrong with the mapping
// is added to the compiler's errors.
func (c *compiler) build(m Mapping, columns source.Columns, dest string, picks []pick, missing *missing) (*Plan, error) {
	b := &builder{c: c, m: m, missing: missing, columns: columns, places: map[string]int{}, plan: &Plan{
		selection: source.Selection{Table: columns.Table, Key: columns.KeyColumns()},
		dest:      &targets.Destination{Name: dest},
	}}
	if err := b.key(picks); err != nil {
		return nil, err
	}
	b.idForm()
	for _, pick := range picks {
		if pick.column.Name != "" {
			b.selected(pick.column)
		}
	}
	for _, pick := range picks {
		if err := b.field(pick); err != nil {
			return nil, err
		}
	}
	b.plan.dest.Mark = m.Mark.Value
	if m.Where.Value != "" {
		b.where()
	}
	b.options()
	if b.wrong {
		return nil, errSaid
	}
	return b.plan, b.setFingerprint()
}

// errSaid: what is wrong was added to the compiler's errors.
var errSaid = errors.New("said already")

// take adds what was found wrong.
func (b *builder) take(wrong problems) {
	for _, e := range wrong {
		b.fail(e.Place, e.Hint, "%s", e.Message)
	}
}

// key describes the key, with the names that the document shows.
func (b *builder) key(picks []pick) error {
	if len(b.plan.selection.Key) == 0 {
		return errors.New("it has no key")
	}
	for _, column := range b.plan.selection.Key {
		if !canBeKey(column.Type.Kind) {
			return fmt.Errorf("key column %s: a %s cannot be part of a key", column.Name, column.Type.Native)
		}
		name := column.Name
		for _, pick := range picks {
			if pick.column.Name == name {
				name = pick.field
				break
			}
		}
		field, err := fieldOf(column, name)
		if err != nil {
			return err
		}
		field.Key = true
		b.plan.key = append(b.plan.key, field)
	}
	b.plan.dest.Key = b.plan.key
	return nil
}

// idForm compiles the mapping's id. Targets with typed ids see a text then.
func (b *builder) idForm() {
	if b.m.ID.Value == "" {
		return
	}
	var wrong problems
	if b.id = idTemplate(b.m, b.columns, &wrong); len(wrong) > 0 {
		b.take(wrong)
		return
	}
	b.plan.idForm = newIDForm(b.id, b.columns.Table, b.plan.selection.Key)
	b.plan.dest.Key = []targets.Field{{Name: "_id", Kind: targets.KindText, Native: "id " + b.m.ID.Value, Key: true}}
}

// selected returns a column's place in the selection, and adds it there.
func (b *builder) selected(column source.Column) int {
	at, ok := b.places[column.Name]
	if !ok {
		at = len(b.plan.selection.Columns)
		b.places[column.Name] = at
		b.plan.selection.Columns = append(b.plan.selection.Columns, column)
	}
	return at
}

// field adds a field and the step that makes its value.
func (b *builder) field(pick pick) error {
	s := step{field: pick.field, at: -1}
	field := targets.Field{Name: pick.field, Kind: targets.KindTimestamp, Native: "mark", Scale: 6, Nullable: true}
	shown := shape{Field: pick.field}
	switch {
	case pick.said != nil && pick.said.Expr.Value != "":
		s.program, s.args = b.program(pick.said.Expr, "expr", expressions.Compile)
		if s.program == nil {
			return nil
		}
		b.leaks(pick.said, s.program)
		field = computedField(pick.field, s.program.Kind(), "expr "+pick.said.Expr.Value)
	case pick.said != nil && pick.said.Value.Value != "":
		if s.fixed = b.fixed(pick.said.Value); s.fixed == nil {
			return nil
		}
		field = computedField(pick.field, source.KindText, "value "+pick.said.Value.Value)
	case pick.column.Name != "":
		var err error
		if field, err = fieldOf(pick.column, pick.field); err != nil {
			return err
		}
		field.Key = slices.ContainsFunc(b.plan.selection.Key, func(k source.Column) bool { return k.Name == pick.column.Name })
		s.at = b.selected(pick.column)
		shown = shapeOf(pick.column, pick.field)
	default: // the mark, which an upsert takes away
		s.fixed = func(source.Key) (any, error) { return nil, nil }
	}
	if pick.said != nil {
		b.say(pick.said, &s, &field)
		shown.say(pick.said, s.program)
	}
	b.plan.steps = append(b.plan.steps, s)
	b.plan.dest.Fields = append(b.plan.dest.Fields, field)
	b.shapes = append(b.shapes, shown)
	return nil
}

func computedField(name string, kind source.Kind, native string) targets.Field {
	field := targets.Field{Name: name, Kind: kinds[kind], Native: native, Nullable: true}
	if kind == source.KindInt || kind == source.KindFloat {
		field.Bits = 64
	}
	if kind == source.KindDateTime || kind == source.KindTimestamp {
		field.Scale = 6
	}
	return field
}

// program compiles an expression of the mapping; nil if something is wrong with it.
func (b *builder) program(text Text, key string, compile func(string, []source.Column) (*expressions.Program, error)) (*expressions.Program, []int) {
	program, err := compile(text.Value, b.columns.Columns)
	if err != nil {
		b.wrong = true
		for _, wrong := range expressions.Errors(err) {
			at := text.inside(wrong.From, wrong.To-wrong.From)
			if wrong.Name != "" {
				b.missing.add(Text{wrong.Name, at}, b.columns)
				continue
			}
			b.fail(at, wrong.Hint, "%s: %s", key, wrong.Message)
		}
		return nil, nil
	}
	var args []int
	for _, column := range program.Columns() {
		args = append(args, b.selected(column))
	}
	return program, args
}

// where compiles the mapping's condition.
func (b *builder) where() {
	b.plan.where, b.plan.whereArgs = b.program(b.m.Where, "where", expressions.Condition)
	if b.plan.where == nil || b.c.warnings.has(b.m.Where.At) {
		return
	}
	for _, name := range b.plan.where.PassesOver() {
		b.c.warnings.add(b.m.Where.At, fmt.Sprintf("add `or %s == nil` to keep them, or `and %s != nil` to say that it is meant", name, name),
			"where: rows whose %s is NULL do not match, since NULL is unequal to nothing", name)
	}
}

// leaks warns of a field that is computed from what another masks.
func (b *builder) leaks(f *Field, program *expressions.Program) {
	if f.Mask.Value != "" || b.c.warnings.has(f.Expr.At) {
		return
	}
	for _, column := range program.Columns() {
		masks := func(other Field) bool {
			return other.Column.Value == column.Name && other.Mask.Value != "" && !other.computed()
		}
		if slices.ContainsFunc(b.m.Fields, masks) {
			b.c.warnings.add(f.Expr.At, "mask it, too, or leave it out if it was not meant",
				"field %s is computed from %s, which is masked, and shows what it makes of it", f.Column.Value, column.Name)
		}
	}
}

// fixed makes a value of a template; nil if something is wrong with it.
func (b *builder) fixed(text Text) func(key source.Key) (any, error) {
	var wrong problems
	t := text.template()
	at := map[string]int{}
	for i, column := range b.plan.selection.Key {
		at[column.Name] = i
	}
	if !t.check(b.plan.selection.Key, nil, &wrong, "value: {%s} is neither db, table nor a column of the key") {
		b.take(wrong)
		return nil
	}
	constant := true
	for _, p := range t.parts {
		_, fixed := tableName(p.name, b.columns.Table)
		constant = constant && (p.name == "" || fixed)
	}
	fill := func(key []string) string {
		return t.render(func(name string) string {
			if fixed, ok := tableName(name, b.columns.Table); ok {
				return fixed
			}
			return key[at[name]]
		})
	}
	if constant {
		value := any(fill(nil))
		return func(source.Key) (any, error) { return value, nil }
	}
	return func(key source.Key) (any, error) {
		texts, err := keyTexts(nil, key, len(at))
		if err != nil {
			return nil, err
		}
		return fill(texts), nil
	}
}

// say adds what is said of a field to its step, in the order that the documentation of step gives.
func (b *builder) say(f *Field, s *step, field *targets.Field) {
	fail := b.fail
	keyed := slices.ContainsFunc(b.plan.selection.Key, func(k source.Column) bool { return k.Name == f.Column.Value })
	if keyed && b.c.rules.KeyIsFields && b.m.ID.Value == "" && (f.Type.Value != "" || f.Zone.Value != "" || f.ZeroDate.Value != "" || f.computed()) {
		fail(f.Column.At, "only `to` can be said of it; or give the documents an `id`", "column %q is part of the key, which this target keeps as it is", f.Column.Value)
		return
	}
	if f.ZeroDate.Value != "" {
		if !isMoment(field.Kind) {
			fail(f.ZeroDate.At, "", "zero_date: %s is %s, no date", f.Column.Value, native(field))
		} else {
			s.then("zero_date", zeroDate(f.ZeroDate.Value, field.Kind))
			field.Nullable = field.Nullable || f.ZeroDate.Value == "null"
		}
	}
	if f.Zone.Value != "" {
		zone, err := time.LoadLocation(f.Zone.Value)
		if field.Kind != targets.KindDateTime || err != nil {
			fail(f.Zone.At, "", "zone: %s is %s, not a date and time without a zone", f.Column.Value, native(field))
		} else {
			s.then("zone", inZone(zone))
			field.Kind = targets.KindTimestamp
			field.Native += " in " + f.Zone.Value
		}
	}
	if f.Mask.Value != "" {
		b.mask(f, s, field)
	}
	if f.Type.Value != "" {
		b.as(f, s, field)
	}
}

func native(field *targets.Field) string {
	if field.Native == "" {
		return "of another type"
	}
	return field.Native
}

func (b *builder) mask(f *Field, s *step, field *targets.Field) {
	if slices.ContainsFunc(b.plan.selection.Key, func(k source.Column) bool { return k.Name == f.Column.Value }) {
		b.fail(f.Mask.At, "leave it out with `exclude` if the id may show it; there is no masked id",
			"mask: %q is part of the key, so the document's id shows it", f.Column.Value)
		return
	}
	s.settled(field)
	s.then("mask", maskOf(f.Mask.Value, f.Key.Value))
	*field = targets.Field{Name: field.Name, Kind: targets.KindText, Native: field.Native + ", masked", Nullable: field.Nullable}
	if f.Mask.Value == "hash" {
		field.Length = 64
	}
}

// as gives a field the type that the mapping asks for: by a conversion that serves every target, and by the
// target's own type of that name.
func (b *builder) as(f *Field, s *step, field *targets.Field) {
	word, _, _ := strings.Cut(f.Type.Value, "(")
	if b.takes(word, field.Kind) == nil && word != f.Type.Value {
		b.fail(f.Type.At, "write "+word, "type: %q takes no size here", word)
		return
	}
	if to, ok := conversions[word][field.Kind]; ok && b.takes(word, field.Kind) == nil {
		s.settled(field)
		s.then("type", to.do)
		*field = targets.Field{Name: field.Name, Kind: to.kind, Native: field.Native + " as " + f.Type.Value, Nullable: field.Nullable, Key: field.Key}
	} else if b.takes(word, field.Kind) == nil && !(word == "text" && field.Kind == targets.KindText) {
		may := b.types(field.Kind)
		hint := didYouMean(word, may)
		if hint == "" {
			hint = "it can be " + strings.Join(may, ", ")
		}
		b.fail(f.Type.At, hint, "type: %s is %s, which cannot be %q here", f.Column.Value, native(field), f.Type.Value)
		return
	}
	taken := b.takes(word, field.Kind)
	switch scaled := taken != nil && taken.Scaled; {
	case scaled:
		field.Scale = f.Scale // zero where it is not said, of which the driver says what is wrong
	case f.Scale != 0:
		b.fail(f.Type.At, "leave it out", "type: %q takes no `scale`", f.Type.Value)
		return
	}
	if taken == nil {
		return
	}
	field.As = f.Type.Value
	if err := b.c.rules.fields([]targets.Field{*field}); err != nil {
		b.fail(f.Type.At, hintOf(err), "type: %v", err)
	}
}

// takes is the target's own type with the name for fields of the kind; nil: it has none.
func (b *builder) takes(word string, kind targets.Kind) *targets.FieldType {
	at := slices.IndexFunc(b.c.rules.Types, func(t targets.FieldType) bool {
		name, _, _ := strings.Cut(t.Name, "(")
		return name == word && slices.Contains(t.Kinds, kind)
	})
	if at < 0 {
		return nil
	}
	return &b.c.rules.Types[at]
}

// types lists what fields of a kind can be.
func (b *builder) types(kind targets.Kind) []string {
	var list []string
	for word, from := range conversions {
		if _, ok := from[kind]; ok {
			list = append(list, word)
		}
	}
	for _, t := range b.c.rules.Types {
		if slices.Contains(t.Kinds, kind) {
			list = append(list, t.Name)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
