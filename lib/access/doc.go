// Package access makes IAM roles. ServiceRole is a role that one service of AWS
// assumes, with one inline policy. TargetRoles are the two roles through which
// an environment's pipeline reaches its target account: a preview role that can
// only read, and a deploy role that can do exactly what the configured workload
// permissions list. Both trust one CodeBuild role each, carry a permissions
// boundary and end after an hour. What a workload may do is data (workload.go).
package access
