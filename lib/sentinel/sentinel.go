// Package sentinel holds the values by which Pulumi's engine writes what JSON
// has no word for, in plans, events, checkpoints and calls of providers. A test
// holds them to the SDK in use, which this package does not link.
package sentinel

// UnknownText stands for a text that a preview can't know. Checkpoints read it
// as such too: measured with the pinned CLI.
const UnknownText = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

// Unknowns stand for values that a preview can't know, by their type.
// https://github.com/pulumi/pulumi/blob/v3.255.0/sdk/go/common/resource/plugin/rpc.go
var Unknowns = []string{
	UnknownText,
	"1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // a boolean
	"3eeb2bf0-c639-47a8-9e75-3b44932eb421", // a number
	"6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // a list
	"030794c1-ac77-496b-92df-f27374a8bd58", // an asset
	"e48ece36-62e2-4504-bad9-02848725956a", // an archive
	"dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // an object
}

// An object with the key Signature is a secret, an asset or an archive, by the
// value that it has there.
// https://github.com/pulumi/pulumi/blob/v3.255.0/sdk/go/common/resource/sig/sig.go
const (
	Signature = "4dabf18193072939515e22adb298388d"
	Secret    = "1b47061264138c4ac30d75fd1eb44270"
	Asset     = "c44067f5952c0a294b673a41bacd8c17"
	Archive   = "0def7320c3a5731c473e5ecbe6d01bc7"
)
