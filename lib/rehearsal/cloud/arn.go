package cloud

import "delivery.internal/lib/aws/arns"

// ARN builds the ARN of a resource in the only region.
func ARN(service, account, resource string) string {
	return arns.Regional(service, Region, account, resource)
}
