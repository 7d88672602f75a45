package demo

// mysqlTables says how MySQL and MariaDB make each table.
var mysqlTables = map[*table]string{
	stores: `CREATE TABLE stores (
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
	customers: `CREATE TABLE customers (
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
	products: `CREATE TABLE products (
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
	orders: `CREATE TABLE orders (
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
	orderItems: `CREATE TABLE order_items (
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
	reviews: `CREATE TABLE reviews (
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
}
