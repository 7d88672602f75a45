package elastic

import (
	"regexp"
	"strings"
)

// maxReason is how much of the server's words is kept.
const maxReason = 500

// harmless are the forms of reasons that name fields and types but no value of a document. Of a
// reason in one of these forms just the match is kept.
var harmless = []*regexp.Regexp{
	regexp.MustCompile(`^(?:\[\d+:\d+\] )?failed to parse field \[[^\]]*\] of type \[[^\]]*\]`),
	regexp.MustCompile(`^(?:\[\d+:\d+\] )?mapping set to strict, dynamic introduction of \[[^\]]*\] within \[[^\]]*\] is not allowed`),
	regexp.MustCompile(`^(?:\[\d+:\d+\] )?object mapping for \[[^\]]*\] tried to parse field \[[^\]]*\] as object, but found a concrete value`),
	regexp.MustCompile(`^Document contains at least one immense term in field="[^"]*" \(whose UTF8 encoding is longer than the max length \d+\)`),
	regexp.MustCompile(`^Limit of total fields \[\d+\] has been exceeded`),
	regexp.MustCompile(`^Limit of mapping depth \[\d+\] has been exceeded`),
}

// text renders an error about a document: types, fields and causes, without the document's values,
// which Elasticsearch likes to quote.
func (c *itemCause) text() string {
	var text strings.Builder
	for depth := 0; c != nil && depth < 4; depth, c = depth+1, c.CausedBy {
		if depth > 0 {
			text.WriteString("; caused by ")
		}
		text.WriteString(c.Type)
		if reason := withoutValues(c.Reason); reason != "" {
			text.WriteString(": ")
			text.WriteString(reason)
		}
	}
	return shorten(text.String())
}

// serverText renders an error about the server.
func (c *itemCause) serverText() string {
	return shorten(c.Type + ": " + c.Reason)
}

// withoutValues takes out of a reason what may be a value of the document: all between the first
// bracket or quote and the last. Of known forms the part before any value is kept instead.
func withoutValues(reason string) string {
	for _, form := range harmless {
		if match := form.FindString(reason); match != "" {
			return match
		}
	}
	place := ""
	if at := position.FindString(reason); at != "" {
		place, reason = at, reason[len(at):]
	}
	first := strings.IndexAny(reason, "[{('\"`<:=")
	if first < 0 {
		return place + reason
	}
	last := strings.LastIndexAny(reason, "])}'\"`>")
	if last < first || strings.ContainsAny(reason[first:first+1], ":=") {
		return place + reason[:first+1] + "…"
	}
	return place + reason[:first] + "…" + reason[last+1:]
}

var position = regexp.MustCompile(`^\[\d+:\d+\] `)

func shorten(text string) string {
	if len(text) <= maxReason {
		return text
	}
	return strings.ToValidUTF8(text[:maxReason], "") + "…"
}
