-- The tables of a weblog as WordPress makes them, written by hand for tests: zero dates by default, long texts, BIGINT UNSIGNED
-- keys, meta tables, a composite key, with rows that have odd values.
SET SESSION sql_mode = '';

CREATE TABLE wp_users (
  ID bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  user_login varchar(60) NOT NULL DEFAULT '',
  user_pass varchar(255) NOT NULL DEFAULT '',
  user_nicename varchar(50) NOT NULL DEFAULT '',
  user_email varchar(100) NOT NULL DEFAULT '',
  user_url varchar(100) NOT NULL DEFAULT '',
  user_registered datetime NOT NULL DEFAULT '0000-00-00 00:00:00',
  user_activation_key varchar(255) NOT NULL DEFAULT '',
  user_status int(11) NOT NULL DEFAULT '0',
  display_name varchar(250) NOT NULL DEFAULT '',
  PRIMARY KEY (ID), KEY user_login_key (user_login), KEY user_email (user_email)
) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
INSERT INTO wp_users VALUES
  (1, 'admin', '$P$BnotARealHashAtAll0123456789', 'admin', 'admin@example.org', 'https://example.org', '2020-03-01 08:00:00', '', 0, 'Ädmin 👩‍💻'),
  (2, '', '', '', '', '', '0000-00-00 00:00:00', '1583049600:$P$Bkey', -1, ''),
  (18446744073709551614, 'last', 'x', 'last', '', '', '9999-12-31 23:59:59', '', 2147483647, 'trailing blanks  ');

CREATE TABLE wp_usermeta (
  umeta_id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  user_id bigint(20) unsigned NOT NULL DEFAULT '0',
  meta_key varchar(255) DEFAULT NULL,
  meta_value longtext,
  PRIMARY KEY (umeta_id), KEY user_id (user_id), KEY meta_key (meta_key(191))
) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
INSERT INTO wp_usermeta VALUES (1, 1, 'nickname', 'admin'), (2, 1, 'wp_capabilities', 'a:1:{s:13:"administrator";b:1;}'), (3, 2, NULL, NULL), (4, 1, '', '');

CREATE TABLE wp_posts (
  ID bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  post_author bigint(20) unsigned NOT NULL DEFAULT '0',
  post_date datetime NOT NULL DEFAULT '0000-00-00 00:00:00',
  post_date_gmt datetime NOT NULL DEFAULT '0000-00-00 00:00:00',
  post_content longtext NOT NULL,
  post_title text NOT NULL,
  post_excerpt text NOT NULL,
  post_status varchar(20) NOT NULL DEFAULT 'publish',
  comment_status varchar(20) NOT NULL DEFAULT 'open',
  ping_status varchar(20) NOT NULL DEFAULT 'open',
  post_password varchar(255) NOT NULL DEFAULT '',
  post_name varchar(200) NOT NULL DEFAULT '',
  to_ping text NOT NULL,
  pinged text NOT NULL,
  post_modified datetime NOT NULL DEFAULT '0000-00-00 00:00:00',
  post_modified_gmt datetime NOT NULL DEFAULT '0000-00-00 00:00:00',
  post_content_filtered longtext NOT NULL,
  post_parent bigint(20) unsigned NOT NULL DEFAULT '0',
  guid varchar(255) NOT NULL DEFAULT '',
  menu_order int(11) NOT NULL DEFAULT '0',
  post_type varchar(20) NOT NULL DEFAULT 'post',
  post_mime_type varchar(100) NOT NULL DEFAULT '',
  comment_count bigint(20) NOT NULL DEFAULT '0',
  PRIMARY KEY (ID), KEY post_name (post_name(191)), KEY type_status_date (post_type, post_status, post_date, ID), KEY post_parent (post_parent), KEY post_author (post_author)
) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
INSERT INTO wp_posts VALUES
  (1, 1, '2020-03-01 09:00:00', '2020-03-01 08:00:00', '<!-- wp:paragraph -->\n<p>Welcome to "WordPress" \\o/.</p>\r\n<!-- /wp:paragraph -->', 'Hello world! 🌍', '', 'publish', 'open', 'open', '', 'hello-world', '', '',
    '2020-03-01 09:00:00', '2020-03-01 08:00:00', '', 0, 'https://example.org/?p=1', 0, 'post', '', 1),
  (2, 1, '2020-03-01 09:00:00', '0000-00-00 00:00:00', REPEAT('Ein langer Text, größer als jedes Schlüsselwort. ', 8000), 'Long', 'x', 'draft', 'closed', 'closed', 'hunter2', '', '', '',
    '0000-00-00 00:00:00', '0000-00-00 00:00:00', '', 0, '', -2147483648, 'page', '', -1),
  (18446744073709551615, 0, '0000-00-00 00:00:00', '0000-00-00 00:00:00', '', '', '', 'auto-draft', 'open', 'open', '', '', '', '', '0000-00-00 00:00:00', '0000-00-00 00:00:00', '', 18446744073709551615, '', 0, 'post', '', 0);

CREATE TABLE wp_postmeta (
  meta_id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  post_id bigint(20) unsigned NOT NULL DEFAULT '0',
  meta_key varchar(255) DEFAULT NULL,
  meta_value longtext,
  PRIMARY KEY (meta_id), KEY post_id (post_id), KEY meta_key (meta_key(191))
) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
INSERT INTO wp_postmeta VALUES (1, 1, '_edit_lock', '1583049600:1'), (2, 2, '_wp_page_template', 'default'), (3, 2, '_thumbnail_id', '007'), (4, 2, 'json', '{"a": "\\u00e4"}');

CREATE TABLE wp_comments (
  comment_ID bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  comment_post_ID bigint(20) unsigned NOT NULL DEFAULT '0',
  comment_author tinytext NOT NULL,
  comment_author_email varchar(100) NOT NULL DEFAULT '',
  comment_author_IP varchar(100) NOT NULL DEFAULT '',
  comment_date datetime NOT NULL DEFAULT '0000-00-00 00:00:00',
  comment_content text NOT NULL,
  comment_karma int(11) NOT NULL DEFAULT '0',
  comment_approved varchar(20) NOT NULL DEFAULT '1',
  comment_parent bigint(20) unsigned NOT NULL DEFAULT '0',
  user_id bigint(20) unsigned NOT NULL DEFAULT '0',
  PRIMARY KEY (comment_ID), KEY comment_post_ID (comment_post_ID)
) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
INSERT INTO wp_comments VALUES (1, 1, 'A Commenter', 'wapuu@example.org', '::1', '2020-03-01 09:30:00', 'Hi & <b>welcome</b>', 0, '1', 0, 0), (2, 1, '', '', '', '0000-00-00 00:00:00', '', -1, 'spam', 1, 0);

CREATE TABLE wp_terms (
  term_id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  name varchar(200) NOT NULL DEFAULT '',
  slug varchar(200) NOT NULL DEFAULT '',
  term_group bigint(10) NOT NULL DEFAULT 0,
  PRIMARY KEY (term_id)
) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
INSERT INTO wp_terms VALUES (1, 'Uncategorized', 'uncategorized', 0), (2, 'Straße', 'strasse', -9223372036854775808);

CREATE TABLE wp_term_taxonomy (
  term_taxonomy_id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  term_id bigint(20) unsigned NOT NULL DEFAULT 0,
  taxonomy varchar(32) NOT NULL DEFAULT '',
  description longtext NOT NULL,
  parent bigint(20) unsigned NOT NULL DEFAULT 0,
  count bigint(20) NOT NULL DEFAULT 0,
  PRIMARY KEY (term_taxonomy_id), UNIQUE KEY term_id_taxonomy (term_id, taxonomy)
) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
INSERT INTO wp_term_taxonomy VALUES (1, 1, 'category', '', 0, 1), (2, 2, 'post_tag', 'x', 0, 0);

CREATE TABLE wp_term_relationships (
  object_id bigint(20) unsigned NOT NULL DEFAULT 0,
  term_taxonomy_id bigint(20) unsigned NOT NULL DEFAULT 0,
  term_order int(11) NOT NULL DEFAULT 0,
  PRIMARY KEY (object_id, term_taxonomy_id), KEY term_taxonomy_id (term_taxonomy_id)
) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
INSERT INTO wp_term_relationships VALUES (1, 1, 0), (1, 2, 1), (18446744073709551615, 18446744073709551615, -1);

CREATE TABLE wp_options (
  option_id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  option_name varchar(191) NOT NULL DEFAULT '',
  option_value longtext NOT NULL,
  autoload varchar(20) NOT NULL DEFAULT 'yes',
  PRIMARY KEY (option_id), UNIQUE KEY option_name (option_name)
) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
INSERT INTO wp_options VALUES (1, 'siteurl', 'https://example.org', 'yes'), (2, 'cron', 'a:2:{i:1583049600;a:0:{}s:7:"version";i:2;}', 'on'), (3, '_transient_x', '', 'no');

CREATE TABLE wp_links (
  link_id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  link_url varchar(255) NOT NULL DEFAULT '',
  link_updated datetime NOT NULL DEFAULT '0000-00-00 00:00:00',
  link_notes mediumtext NOT NULL,
  PRIMARY KEY (link_id)
) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
