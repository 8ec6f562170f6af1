package deploy

import "delivery.internal/lib/pulumicli"

// remedies end the sentence about a failure.
var remedies = map[pulumicli.Class]string{
	pulumicli.Transient:       "the backend stayed out of reach; retry the stage in CodePipeline, or merge another change, when it has recovered",
	pulumicli.Locked:          "another run holds the stack for too long; look which build or person it is, and only if it has ended remove the lock's object from the state bucket",
	pulumicli.SnapshotLost:    "the state does not know what was done; look in the target account what the steps above did, and correct the state before anything else runs, as docs/deployment.md says under 'A killed update'",
	pulumicli.Interrupted:     "the run was interrupted and its state was saved; merge another change to go on",
	pulumicli.AccessDenied:    "the build role may not use the state bucket or its key; deploy the environment project again",
	pulumicli.ExpiredToken:    "the credentials have expired; retry the stage in CodePipeline, or merge another change",
	pulumicli.NoBucket:        "the state bucket is missing; run: make bootstrap",
	pulumicli.BadSecrets:      "the stack's secrets belong to another key; restore the secrets provider that the stack was made with",
	pulumicli.CorruptState:    "restore the last good version of the checkpoint from the versions in the state bucket",
	pulumicli.NoStack:         "the stack vanished between two steps; merge another change",
	pulumicli.PlanViolated:    "the program wants something else than what was reviewed; merge another change for a new review",
	pulumicli.PendingChanges:  "an earlier run was killed in the middle of a step; see 'A killed update' in docs/deployment.md",
	pulumicli.ProgramOrDeploy: "correct the program or the resource named above, and merge that",
	pulumicli.Unknown:         "this failure is not known to be safe to repeat; read the output above",
}
