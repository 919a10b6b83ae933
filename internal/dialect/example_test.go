package dialect_test

import (
	"fmt"

	"github.com/sinew-go/sinew/internal/dialect"
)

func Example() {
	const statement = `UPDATE jobs SET done = ? WHERE id = ?`
	fmt.Println(dialect.PostgreSQL.Render(statement))
	fmt.Println(dialect.MySQL.Render(statement))
	// Output:
	// UPDATE jobs SET done = $1 WHERE id = $2
	// UPDATE jobs SET done = ? WHERE id = ?
}
