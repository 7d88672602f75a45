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
	if c.Type == "" && c.Reason == "" {
		return "an error without a type or a reason"
	}
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

// inner are the names of fields inside a field: members of a JSON value, so part of the row.
var (
	unknown = regexp.MustCompile(`\[[^\]]*\] within \[([^_])`) // not in [_doc]: there it is the mapping's
	inner   = regexp.MustCompile(`([\["][^\]".]*)\.[^\]"]*([\]"])`)
)

// quoting are forms with one value in them, which is left out.
var quoting = regexp.MustCompile(`^(?s)(Value \[).*(\] is out of range for an? \w+)$`)

// withoutValues takes out of a reason what may be a value of the document: of known forms the
// value, of others all from the first bracket or quote on.
func withoutValues(reason string) string {
	for _, form := range harmless {
		if match := form.FindString(reason); match != "" {
			return inner.ReplaceAllString(unknown.ReplaceAllString(match, "[…] within [$1"), "$1.…$2")
		}
	}
	if parts := quoting.FindStringSubmatch(reason); parts != nil {
		return parts[1] + "…" + parts[2]
	}
	place := ""
	if at := position.FindString(reason); at != "" {
		place, reason = at, reason[len(at):]
	}
	if first := strings.IndexAny(reason, "[{('\"`<:="); first >= 0 {
		reason = reason[:first] + "…"
	}
	return place + reason
}

var position = regexp.MustCompile(`^\[\d+:\d+\] `)

func shorten(text string) string {
	if len(text) <= maxReason {
		return text
	}
	return strings.ToValidUTF8(text[:maxReason], "") + "…"
}
