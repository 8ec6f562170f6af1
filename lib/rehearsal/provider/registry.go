package provider

// registry gathers every resource type that the local cloud knows.
func registry() map[string]*Kind {
	out := map[string]*Kind{}
	for _, group := range [][]Kind{
		basicLambda(), basicAPI(), basicSNS(), basicSQS(), basicEvents(), basicLogs(),
		apigatewayKinds(), cloudtrailKinds(), codebuildKinds(), codeconnectionsKinds(), codepipelineKinds(),
		dynamodbKinds(), ecrKinds(), eventsKinds(), githubKinds(), iamKinds(), kmsKinds(), lambdaKinds(), logsKinds(),
		randomKinds(), s3Kinds(), secretsmanagerKinds(), snsKinds(), sqsKinds(), ssmKinds(),
	} {
		for _, k := range group {
			out[k.Token] = &k
		}
	}
	return out
}
