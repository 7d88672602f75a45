package mongo

import "time"

// LookSeldom has the target send nothing but writes.
func (t *Target) LookSeldom() { t.lookAgain = time.Hour }
