module delivery/environments/prod

go 1.26

require (
	delivery/lib v0.0.0
	github.com/pulumi/pulumi/sdk/v3 v3.255.0
)

replace delivery/lib => ../../lib
