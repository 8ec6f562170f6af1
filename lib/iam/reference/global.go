package reference

import "strings"

// The global condition keys, by when a request carries them. Keys of tags are
// not among them: the reference lists those action by action.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
var (
	// global are in every request, or in every request of a kind of caller,
	// network or resource that the policy means.
	global = strings.Fields(`aws:AssumedRoot aws:CalledVia aws:CalledViaFirst aws:CalledViaLast aws:ChatbotSourceArn aws:CurrentTime
		aws:Ec2InstanceSourcePrivateIPv4 aws:Ec2InstanceSourceVpc aws:EpochTime aws:FederatedProvider aws:MultiFactorAuthAge
		aws:MultiFactorAuthPresent aws:PrincipalAccount aws:PrincipalArn aws:PrincipalIsAWSService aws:PrincipalOrgID aws:PrincipalOrgPaths
		aws:PrincipalTag/* aws:PrincipalType aws:Referer aws:RequestedRegion aws:ResourceAccount aws:ResourceOrgID aws:ResourceOrgPaths
		aws:SecureTransport aws:SourceIdentity aws:SourceIp aws:SourceVpc aws:SourceVpcArn aws:SourceVpce aws:TokenIssueTime aws:UserAgent
		aws:userid aws:username aws:ViaAWSService aws:VpceAccount aws:VpceOrgID aws:VpceOrgPaths aws:VpcSourceIp`)
	// fromService are only in requests that a service makes with its service
	// principal.
	fromService = strings.Fields(`aws:PrincipalServiceName aws:PrincipalServiceNamesList aws:SourceAccount aws:SourceArn aws:SourceOrgID aws:SourceOrgPaths`)
	// ofTags are listed action by action.
	ofTags = strings.Fields(`aws:RequestTag/* aws:ResourceTag/* aws:TagKeys`)
	// globalMultivalued have several values.
	globalMultivalued = strings.Fields(`aws:CalledVia aws:PrincipalOrgPaths aws:PrincipalServiceNamesList aws:ResourceOrgPaths aws:SourceOrgPaths
		aws:TagKeys aws:VpceOrgPaths`)
)

// unlisted are keys that a service documents elsewhere.
var unlisted = map[string][]string{
	// The identity providers' own keys.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
	"sts": {"token.actions.githubusercontent.com:*", "sts:AWSServiceName"},
}
