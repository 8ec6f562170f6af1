// Package webhook makes the way in: the secret that GitHub signs with, the
// table of deliveries that were accepted, the function that checks them, and
// the HTTP API in front of it. An HTTP API and not a function URL, because SDK
// v6 can't express the second permission that URLs need.
package webhook
