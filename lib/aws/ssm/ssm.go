// Package ssm holds what Systems Manager's Parameter Store does with the values
// of parameters. How they are named is in package awsname.
package ssm

import "delivery.internal/lib/aws/fact"

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "The first value of a parameter has the version 1, and every PutParameter adds one, whatever the value.",
		Page:     "https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-versions.html",
		Enforced: "NextVersion",
	},
	{
		Rule:     "A Standard parameter holds 4 KB, an Advanced one 8 KB.",
		Page:     "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html",
		Enforced: "MaxStandard, MaxAdvanced",
	},
}

// Sizes of values by tier, in bytes.
const (
	MaxStandard = 4096
	MaxAdvanced = 8192
)

// NextVersion is the version that a value gets, after the version of the value
// before it: anything but a number where there is none.
func NextVersion(before any) float64 {
	n, _ := before.(float64)
	return n + 1
}
