package mysql
