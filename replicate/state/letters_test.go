package state

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// at is a time of the tests, minutes after their beginning.
func at(minutes int) time.Time {
	return time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC).Add(time.Duration(minutes) * time.Minute)
}

func TestLetters_Filter(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "state.db"))
	save(t, s, Change{Letters: []Letter{
		{"orders", "1", "1", "1", "failed to parse field [when] of type [date]", at(1), 0},
		{"orders", "2", "2", "2", "100% wrong", at(2), 0},
		{"users", "1", "1", "u1", `read: column a_b: C:\x`, at(3), 0},
	}})
	for name, test := range map[string]struct {
		filter LetterFilter
		want   string
	}{
		"all":                    {LetterFilter{}, "users/1 orders/2 orders/1"},
		"plan":                   {LetterFilter{Plans: []string{"orders", "none"}}, "orders/2 orders/1"},
		"key":                    {LetterFilter{Keys: []string{"1"}}, "users/1 orders/1"},
		"plan and key":           {LetterFilter{Plans: []string{"orders"}, Keys: []string{"1", "2"}}, "orders/2 orders/1"},
		"reason":                 {LetterFilter{Reason: "TYPE [date"}, "orders/1"},
		"pattern":                {LetterFilter{Reason: "parse*[date]"}, "orders/1"},
		"percent is itself":      {LetterFilter{Reason: "0%"}, "orders/2"},
		"percent is no wildcard": {LetterFilter{Reason: "failed%date"}, ""},
		"underscore is itself":   {LetterFilter{Reason: "a_b"}, "users/1"},
		"underscore stands alone": {
			LetterFilter{Reason: "t_ parse"}, ""},
		"backslash is itself": {LetterFilter{Reason: `C:\*`}, "users/1"},
		"since":               {LetterFilter{Since: at(2)}, "users/1 orders/2"},
		"before":              {LetterFilter{Before: at(2)}, "orders/1"},
		"between":             {LetterFilter{Since: at(2), Before: at(3)}, "orders/2"},
	} {
		letters, err := s.Letters(t.Context(), test.filter, 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range letters {
			got = append(got, l.Plan+"/"+l.KeyText)
		}
		if text := strings.Join(got, " "); text != test.want {
			t.Errorf("%s: %q, want %q", name, text, test.want)
		}
		counts, err := s.LetterPlans(t.Context(), test.filter)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for plan, n := range counts {
			if sum += n; n != strings.Count(test.want, plan+"/") {
				t.Errorf("%s: %d of %s are counted", name, n, plan)
			}
		}
		if sum != len(got) {
			t.Errorf("%s: %v are counted of %d", name, counts, len(got))
		}
	}
}

// TestLetters_Pages reads page after page while letters that were read get resolved or rejected again:
// none of the others is left out or shown twice. Several are of the same time.
func TestLetters_Pages(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "state.db"))
	var c Change
	for i := range 25 {
		c.Letters = append(c.Letters, Letter{Plan: fmt.Sprint("p", i%2), Key: fmt.Sprint(i), KeyText: fmt.Sprint(i), At: at(i / 10)})
	}
	save(t, s, c)
	seen := map[string]int{}
	var last *Letter
	for range 25 {
		page, err := s.Letters(t.Context(), LetterFilter{After: last}, 4)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for i, l := range page {
			seen[l.KeyText]++
			if last = &page[i]; i == 0 {
				save(t, s, Change{Resolved: []LetterRef{l.Ref()}})
			} else if i == 1 {
				again := l
				again.At = at(60)
				save(t, s, Change{Letters: []Letter{again}})
			}
		}
	}
	if len(seen) != 25 {
		t.Errorf("%d letters are read of 25", len(seen))
	}
	for key, n := range seen {
		if n != 1 {
			t.Errorf("letter %s is read %d times", key, n)
		}
	}
}

func TestLetters_CountTries(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "state.db"))
	letter := Letter{Plan: "p", Key: "k", KeyText: "k", Document: "d", Reason: "first", At: at(1)}
	again := letter
	again.Reason, again.At = "second", at(2)
	save(t, s, Change{Letters: []Letter{letter, letter}})
	save(t, s, Change{Letters: []Letter{again}})
	letters, err := s.Letters(t.Context(), LetterFilter{}, 10)
	again.Tries = 3
	if diff := cmp.Diff([]Letter{again}, letters); diff != "" || err != nil {
		t.Errorf("%s%v", diff, err)
	}
	save(t, s, Change{Resolved: []LetterRef{letter.Ref()}, Letters: []Letter{letter}})
	if letters, err = s.Letters(t.Context(), LetterFilter{}, 10); err != nil || len(letters) != 1 || letters[0].Tries != 1 {
		t.Errorf("after a success between: %+v, %v", letters, err)
	}
}

// TestRequests_Pages asks for more than a page, and counts what is pending.
func TestRequests_Pages(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "state.db"))
	ask := func(plan string, n int) Asked {
		t.Helper()
		var list []Request
		for i := range n {
			list = append(list, Request{Verb: RetryLetter, Plan: plan, Key: fmt.Sprint(i), At: at(i)})
		}
		asked, err := s.Ask(t.Context(), list)
		if err != nil {
			t.Fatal(err)
		}
		return asked
	}
	first, second := ask("a", requestsPage+1), ask("b", 2)
	if first != (Asked{1, requestsPage + 1}) || second != (Asked{requestsPage + 2, requestsPage + 3}) {
		t.Fatalf("%v, %v", first, second)
	}
	var last int64
	for _, want := range []int{requestsPage, 3, 0} {
		page, err := s.Requests(t.Context(), last)
		if err != nil || len(page) != want {
			t.Fatalf("a page of %d, want %d: %v", len(page), want, err)
		}
		for _, q := range page {
			if q.ID != last+1 {
				t.Fatalf("%d after %d", q.ID, last)
			}
			last = q.ID
		}
	}
	save(t, s, Change{DoneRequests: []int64{1, second.First}})
	for _, test := range []struct {
		asked *Asked
		want  []Pending
	}{
		{nil, []Pending{{RetryLetter, "a", requestsPage, at(1)}, {RetryLetter, "b", 1, at(1)}}},
		{&second, []Pending{{RetryLetter, "b", 1, at(1)}}},
		{&Asked{}, nil},
	} {
		got, err := s.PendingRequests(t.Context(), test.asked)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%v: %s%v", test.asked, diff, err)
		}
	}
}
