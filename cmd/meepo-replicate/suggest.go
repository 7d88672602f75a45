package main

// nearest returns the candidate that text was probably meant to be, or "" if none is close.
func nearest(text string, candidates []string) string {
	best, bestDistance := "", 3
	for _, c := range candidates {
		limit := max(1, len(c)/3)
		if d := editDistance(text, c); d <= limit && d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// editDistance counts the insertions, deletions, replacements and swaps of neighbours between a
// and b.
func editDistance(a, b string) int {
	ra, rb := []rune(a), []rune(b)
	var before []int
	last := make([]int, len(rb)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(ra); i++ {
		row := make([]int, len(rb)+1)
		row[0] = i
		for j := 1; j <= len(rb); j++ {
			change := 1
			if ra[i-1] == rb[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && ra[i-1] == rb[j-2] && ra[i-2] == rb[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(rb)]
}
