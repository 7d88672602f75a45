package mappings

import (
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

// options reads the block of the target in use into the destination. Blocks of other targets are left alone.
func (b *builder) options() {
	at := slices.IndexFunc(b.m.Blocks, func(block Block) bool { return block.Target.Value == b.c.rules.Block })
	if at < 0 || b.c.rules.Block == "" {
		return
	}
	block := b.m.Blocks[at]
	options := map[string]any{}
	for _, setting := range block.Settings {
		of := slices.IndexFunc(b.c.rules.Options, func(o targets.Option) bool { return o.Name == setting.Name.Value })
		if of < 0 {
			b.unknownOption(block, setting)
			continue
		}
		option := b.c.rules.Options[of]
		if !option.Kind.Holds(setting.Value) {
			b.fail(setting.At, "", "%s.%s: want %s", block.Target.Value, option.Name, option.Kind)
			continue
		}
		if option.Kind == targets.OptionColumns && !b.route(option.Name, setting) {
			continue
		}
		options[option.Name] = setting.Value
	}
	b.plan.dest.Options = options
	if b.c.rules.Destination == nil {
		return
	}
	for _, err := range flattened(b.c.rules.Destination(b.plan.dest)) {
		place := block.Target.At
		for _, setting := range block.Settings {
			if rest, ok := strings.CutPrefix(err.Error(), setting.Name.Value); ok && (rest == "" || strings.ContainsAny(rest[:1], ".:[ ")) {
				place = setting.Name.At
			}
		}
		b.fail(place, hintOf(err), "%s.%v", block.Target.Value, err)
	}
}

// fail adds an error that other tables of the mapping may have said, too.
func (b *builder) fail(at Place, hint, format string, args ...any) {
	b.wrong = true
	if !b.c.errors.has(at) {
		b.c.errors.add(at, hint, format, args...)
	}
}

func (b *builder) unknownOption(block Block, setting Setting) {
	known := make([]string, len(b.c.rules.Options))
	for i, option := range b.c.rules.Options {
		known[i] = option.Name
	}
	advice := didYouMean(setting.Name.Value, known)
	if advice == "" {
		advice = "known are " + strings.Join(known, ", ")
	}
	b.fail(setting.Name.At, advice, "%s has an unknown key %q", block.Target.Value, setting.Name.Value)
}

// route reads the columns that route documents: of the key, since a delete has nothing else.
func (b *builder) route(option string, setting Setting) bool {
	var key []string
	for _, column := range b.plan.selection.Key {
		key = append(key, column.Name)
	}
	fine := true
	for _, one := range setting.Value.([]any) { // Holds has looked
		name, _ := one.(string)
		at := slices.Index(key, name)
		if at < 0 {
			b.fail(setting.At, "the key is "+strings.Join(key, ", "), "%s: column %q of %s is not part of the key: where the row is gone, nothing tells its value",
				option, name, b.columns.Table)
			fine = false
			continue
		}
		b.plan.routing = append(b.plan.routing, at)
	}
	return fine
}

// flattened takes joined errors apart.
func flattened(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var list []error
		for _, one := range joined.Unwrap() {
			list = append(list, flattened(one)...)
		}
		return list
	}
	return []error{err}
}
