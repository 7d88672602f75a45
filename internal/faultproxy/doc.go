// Package faultproxy holds proxies that tests put between the program and a real server, to do what
// networks and gateways do: [TCP] cuts and stalls connections, [HTTP] sees each request and may answer
// it itself, or withhold its answer.
package faultproxy
