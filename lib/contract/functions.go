package contract

// Environment variables of the Lambda functions, which the shared project sets.

// Environment variables of the receiver. The starter has the first two as well.
const (
	EnvRepository      = "REPOSITORY"       // owner/name
	EnvBranch          = "BRANCH"           // the delivered branch
	EnvBusName         = "BUS_NAME"         // name of the delivery event bus
	EnvSecret          = "SECRET_ID"        // ARN of the webhook secret
	EnvDeliveriesTable = "DELIVERIES_TABLE" // name of the table of deliveries
)

// EnvPipelineSources is the starter's list of pipelines: a JSON object from each
// pipeline's name to the event source that starts it.
const EnvPipelineSources = "PIPELINE_SOURCES"

// Environment variables of the scan gate.
const (
	EnvImageRepository = "REPOSITORY_NAME" // name of the ECR repository
	EnvParameter       = "PARAMETER_NAME"  // SSM parameter that holds the approved digest
	EnvVerdict         = "VERDICT_NAME"    // SSM parameter that holds the last verdict
	EnvAccepted        = "ACCEPTED_NAME"   // SSM parameter that holds the accepted findings
	EnvBlockSeverity   = "BLOCK_SEVERITY"  // lowest severity that refuses an image
)

// Attributes of the table of deliveries, which the receiver writes.
const (
	DeliveriesKey = "id"      // the hash key, a string
	DeliveriesTTL = "expires" // the time at which DynamoDB may remove an item
)
