package mysql

import _ "github.com/meepo-replicate/meepo/internal/servertest"
