package targets

import "fmt"

// NotNegative returns an error for a count, a size or a time among a driver's settings that is below zero.
func NotNegative(name string, value int64) error {
	if value < 0 {
		return fmt.Errorf("%s: %d is negative", name, value)
	}
	return nil
}
