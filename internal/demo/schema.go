package demo

// table is one table of the shop: how it is made and how a row is inserted.
type table struct {
	name   string
	create string
	insert string // "INSERT INTO … VALUES", to which row is added once per row
	row    string // placeholders of one row
	args   int    // arguments that row takes
}

// tables in the order in which they are made: referenced tables come first.
var tables = []*table{stores, customers, products, orders, orderItems, reviews}

// Tables returns the names of the shop's tables, in the order in which they can be filled.
func Tables() []string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.name
	}
	return names
}

var stores = &table{
	name: "stores",
	create: `CREATE TABLE stores (
		code       CHAR(4) CHARACTER SET ascii NOT NULL PRIMARY KEY,
		name       VARCHAR(60) NOT NULL,
		city       VARCHAR(60) NOT NULL,
		location   POINT NOT NULL,
		opened     DATE NOT NULL,
		opens_at   TIME NOT NULL,
		closes_at  TIME NOT NULL,
		services   SET('parking','repairs','gift wrapping','pickup','cafe') NOT NULL,
		floor_area FLOAT NOT NULL
	) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`,
	insert: `INSERT INTO stores (code, name, city, location, opened, opens_at, closes_at, services, floor_area) VALUES`,
	row:    `(?,?,?,POINT(?,?),?,?,?,?,?)`,
	args:   10,
}

var customers = &table{
	name: "customers",
	create: `CREATE TABLE customers (
		id          INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
		uuid        BINARY(16) NOT NULL,
		email       VARCHAR(120) NOT NULL,
		name        VARCHAR(80) NOT NULL,
		city        VARCHAR(60) NOT NULL,
		birthday    DATE NULL,
		interests   SET('kitchen','garden','office','travel','toys','sports') NOT NULL,
		preferences JSON NULL,
		points      MEDIUMINT NOT NULL,
		newsletter  BOOLEAN NOT NULL,
		created_at  DATETIME(6) NOT NULL,
		last_seen   TIMESTAMP NULL,
		UNIQUE KEY (email)
	) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`,
	insert: `INSERT INTO customers (id, uuid, email, name, city, birthday, interests, preferences, points, newsletter, created_at, last_seen) VALUES`,
	row:    `(?,?,?,?,?,?,?,?,?,?,?,?)`,
	args:   12,
}

var products = &table{
	name: "products",
	create: `CREATE TABLE products (
		id          INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
		sku         CHAR(10) NOT NULL,
		barcode     BIGINT UNSIGNED NOT NULL,
		name        VARCHAR(120) NOT NULL,
		description TEXT NOT NULL,
		category    ENUM('kitchen','garden','office','travel','toys','sports') NOT NULL,
		price       DECIMAL(10,2) NOT NULL,
		weight_kg   DOUBLE NOT NULL,
		stock       SMALLINT NOT NULL,
		released    YEAR NOT NULL,
		labels      BIT(8) NOT NULL,
		details     JSON NOT NULL,
		thumbnail   VARBINARY(64) NULL,
		active      BOOLEAN NOT NULL,
		updated_at  TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
		UNIQUE KEY (sku)
	) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`,
	insert: `INSERT INTO products (id, sku, barcode, name, description, category, price, weight_kg, stock, released, labels, details, thumbnail, active, updated_at) VALUES`,
	row:    `(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
	args:   15,
}

var orders = &table{
	name: "orders",
	create: `CREATE TABLE orders (
		id           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
		customer_id  INT UNSIGNED NOT NULL,
		store        CHAR(4) CHARACTER SET ascii NULL,
		status       ENUM('new','paid','packed','shipped','delivered','returned') NOT NULL,
		total        DECIMAL(12,2) NOT NULL,
		currency     CHAR(3) NOT NULL,
		placed_at    DATETIME(6) NOT NULL,
		paid_at      TIMESTAMP NULL,
		shipped_at   TIMESTAMP NULL,
		time_to_ship TIME NULL,
		gift         BOOLEAN NOT NULL,
		note         TEXT NULL,
		FOREIGN KEY (customer_id) REFERENCES customers (id),
		FOREIGN KEY (store) REFERENCES stores (code)
	) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`,
	insert: `INSERT INTO orders (id, customer_id, store, status, total, currency, placed_at, paid_at, shipped_at, time_to_ship, gift, note) VALUES`,
	row:    `(?,?,?,?,?,?,?,?,?,?,?,?)`,
	args:   12,
}

var orderItems = &table{
	name: "order_items",
	create: `CREATE TABLE order_items (
		order_id   BIGINT UNSIGNED NOT NULL,
		line       TINYINT UNSIGNED NOT NULL,
		product_id INT UNSIGNED NOT NULL,
		quantity   SMALLINT UNSIGNED NOT NULL,
		unit_price DECIMAL(10,2) NOT NULL,
		discount   DECIMAL(4,3) NOT NULL,
		PRIMARY KEY (order_id, line),
		FOREIGN KEY (order_id) REFERENCES orders (id),
		FOREIGN KEY (product_id) REFERENCES products (id)
	) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`,
	insert: `INSERT INTO order_items (order_id, line, product_id, quantity, unit_price, discount) VALUES`,
	row:    `(?,?,?,?,?,?)`,
	args:   6,
}

var reviews = &table{
	name: "reviews",
	create: `CREATE TABLE reviews (
		id          BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
		product_id  INT UNSIGNED NOT NULL,
		customer_id INT UNSIGNED NOT NULL,
		stars       TINYINT NOT NULL,
		title       VARCHAR(100) NOT NULL,
		body        TEXT NOT NULL,
		helpful     INT NOT NULL,
		written_at  DATETIME NOT NULL,
		FOREIGN KEY (product_id) REFERENCES products (id),
		FOREIGN KEY (customer_id) REFERENCES customers (id)
	) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`,
	insert: `INSERT INTO reviews (id, product_id, customer_id, stars, title, body, helpful, written_at) VALUES`,
	row:    `(?,?,?,?,?,?,?,?)`,
	args:   8,
}
