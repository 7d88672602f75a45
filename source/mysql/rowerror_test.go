package mysql

import (
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// What is said of a row goes into logs and letters, which hold no values.
func TestRowError(t *testing.T) {
	for number, quotes := range map[uint16]bool{3616: true, 3617: true, 3731: true, 3732: true, 3037: false} {
		err := rowError(&mysql.MySQLError{Number: number, Message: "Longitude 181.5 is out of range"})
		if strings.Contains(err.Error(), "181.5") == quotes {
			t.Errorf("%d: %v", number, err)
		}
	}
}
