package provider

import "fmt"

// registry gathers every resource type that the local cloud knows.
func registry() map[string]*Kind {
	out := map[string]*Kind{}
	for _, group := range [][]Kind{
		apigatewayKinds(), cloudtrailKinds(), cloudwatchKinds(), codebuildKinds(), codeconnectionsKinds(), codepipelineKinds(),
		dynamodbKinds(), ecrKinds(), eventsKinds(), githubKinds(), iamKinds(), kmsKinds(), lambdaKinds(), logsKinds(),
		randomKinds(), s3Kinds(), secretsmanagerKinds(), snsKinds(), sqsKinds(), ssmKinds(),
	} {
		for _, k := range group {
			if out[k.Token] != nil {
				panic(fmt.Sprintf("the resource type %s is described twice", k.Token)) // a mistake in this package
			}
			out[k.Token] = &k
		}
	}
	return out
}
