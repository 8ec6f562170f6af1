package pipeline

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/codepipeline"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Render turns a blueprint into the arguments of the resource. The artifacts
// are kept in the bucket, encrypted with the key.
func Render(b Blueprint, roleARN pulumi.StringInput, bucket, keyARN string) *codepipeline.PipelineArgs {
	args := &codepipeline.PipelineArgs{
		Name:          pulumi.String(b.Name),
		PipelineType:  pulumi.String("V2"), // queues and variables need it
		ExecutionMode: pulumi.String(string(b.Mode)),
		RoleArn:       roleARN,
		ArtifactStores: codepipeline.PipelineArtifactStoreArray{codepipeline.PipelineArtifactStoreArgs{
			Type:     pulumi.String("S3"),
			Location: pulumi.String(bucket),
			EncryptionKey: codepipeline.PipelineArtifactStoreEncryptionKeyArgs{
				Id: pulumi.String(keyARN), Type: pulumi.String("KMS"),
			},
		}},
	}
	var variables codepipeline.PipelineVariableArray
	for _, v := range b.Variables {
		variables = append(variables, codepipeline.PipelineVariableArgs{
			Name: pulumi.String(v.Name), DefaultValue: pulumi.String(v.Default), Description: optional(v.Description),
		})
	}
	var stages codepipeline.PipelineStageArray
	for _, s := range b.Stages {
		var actions codepipeline.PipelineStageActionArray
		for _, a := range s.Actions {
			actions = append(actions, renderAction(a))
		}
		stages = append(stages, codepipeline.PipelineStageArgs{Name: pulumi.String(s.Name), Actions: actions})
	}
	args.Variables, args.Stages = variables, stages
	return args
}

func renderAction(a Action) codepipeline.PipelineStageActionArgs {
	out := codepipeline.PipelineStageActionArgs{
		Name:            pulumi.String(a.Name),
		Category:        pulumi.String(a.Type.Category),
		Owner:           pulumi.String(a.Type.Owner),
		Provider:        pulumi.String(a.Type.Provider),
		Version:         pulumi.String(a.Type.Version),
		RunOrder:        pulumi.Int(a.Order),
		Namespace:       optional(a.Namespace),
		InputArtifacts:  pulumi.ToStringArray(a.Inputs),
		OutputArtifacts: pulumi.ToStringArray(a.Outputs),
		Configuration:   pulumi.ToStringMap(a.Configuration),
	}
	if a.TimeoutMinutes > 0 {
		out.TimeoutInMinutes = pulumi.IntPtr(a.TimeoutMinutes)
	}
	return out
}

// optional leaves an empty text out.
func optional(text string) pulumi.StringPtrInput {
	if text == "" {
		return nil
	}
	return pulumi.StringPtr(text)
}
