// Package deployrole makes the two roles through which an environment's
// pipeline reaches its target account: a preview role that can only read, and
// a deploy role that can do exactly what the configured workload permissions
// list. Both trust one CodeBuild role each, carry a permission boundary and
// end after an hour. What a workload may do is data (workload.go); the
// targets project is the only caller.
package deployrole
