package provider

func codepipelineKinds() []Kind { return nil }
