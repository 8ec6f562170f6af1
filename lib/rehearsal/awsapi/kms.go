package awsapi

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"

	"delivery.internal/lib/rehearsal/cloud"
)

// keyring encrypts with a secret for each key, which goes with the key. Keys
// that were deleted stay unusable forever, as keys that are pending deletion.
type keyring struct{ cloud *cloud.Cloud }

func (s *Server) keys() keyring { return keyring{s.cloud} }

// usable says whether a key can be used.
func (k keyring) usable(arn string) error {
	_, err := k.cloud.Key("", arn)
	return err
}

// resolve turns a key id, key ARN, alias name or alias ARN into the ARN of a key
// that can be used.
func (s *Server) resolve(r *request, id string) (string, error) {
	arn, err := s.cloud.KeyARN(r.session.Account, id)
	if err != nil {
		return "", err
	}
	return arn, s.keys().usable(arn)
}

// keyContext are the condition keys of a use of a key.
func keyContext(r *request, id string, context map[string]string) map[string][]string {
	out := map[string][]string{"kms:CallerAccount": {r.session.Account}}
	for k, v := range context {
		out["kms:EncryptionContext:"+k] = []string{v}
		out["kms:EncryptionContextKeys"] = append(out["kms:EncryptionContextKeys"], k)
	}
	if i := strings.Index(id, "alias/"); i >= 0 {
		out["kms:RequestAlias"] = []string{id[i:]}
	}
	return out
}

func (s *Server) use(r *request, action, id string, context map[string]string) (string, error) {
	arn, err := s.resolve(r, id)
	if err != nil {
		return "", err
	}
	return arn, s.authorize(r, action, arn, keyContext(r, id, context))
}

// box is what a ciphertext holds beside the sealed text.
type box struct {
	Key    string `json:"key"`
	Sealed []byte `json:"sealed"`
}

// keyData is what the cloud keeps of a key.
type keyData struct{ secret []byte }

// aead seals and opens with the secret of a key.
func (k keyring) aead(arn string) (cipher.AEAD, error) {
	key := k.cloud.ByARN(arn)
	if key == nil {
		return nil, k.usable(arn)
	}
	kept := cloud.DataOf(k.cloud, key, func() *keyData {
		made := &keyData{secret: make([]byte, 32)}
		_, _ = rand.Read(made.secret) // crypto/rand.Read never fails
		return made
	})
	block, err := aes.NewCipher(kept.secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// bound is the encryption context as authenticated data.
func bound(context map[string]string) []byte {
	b, err := json.Marshal(context) // sorted by key
	if err != nil {
		panic(err) // strings always marshal
	}
	return b
}

func (k keyring) seal(arn string, plaintext []byte, context map[string]string) ([]byte, error) {
	gcm, err := k.aead(arn)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	_, _ = rand.Read(nonce)
	return json.Marshal(box{arn, gcm.Seal(nonce, nonce, plaintext, bound(context))})
}

func (k keyring) open(b box, context map[string]string) ([]byte, error) {
	gcm, err := k.aead(b.Key)
	if err != nil {
		return nil, err
	}
	if len(b.Sealed) < gcm.NonceSize() {
		return nil, fail(http.StatusBadRequest, "InvalidCiphertextException", "the ciphertext is not readable")
	}
	out, err := gcm.Open(nil, b.Sealed[:gcm.NonceSize()], b.Sealed[gcm.NonceSize():], bound(context))
	if err != nil {
		return nil, fail(http.StatusBadRequest, "InvalidCiphertextException", "the ciphertext does not belong to this key or encryption context")
	}
	return out, nil
}

func (s *Server) encrypt(r *request) (any, error) {
	var in struct {
		KeyId             string
		Plaintext         []byte
		EncryptionContext map[string]string
	}
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	// See Encrypt in the KMS API: at most 4096 bytes.
	if len(in.Plaintext) == 0 || len(in.Plaintext) > 4096 {
		return nil, fail(http.StatusBadRequest, "ValidationException", "plaintext has %d bytes: expected 1 to 4096", len(in.Plaintext))
	}
	arn, err := s.use(r, "kms:Encrypt", in.KeyId, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	sealed, err := s.keys().seal(arn, in.Plaintext, in.EncryptionContext)
	return map[string]any{"CiphertextBlob": sealed, "KeyId": arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}, err
}

func (s *Server) decrypt(r *request) (any, error) {
	var in struct {
		KeyId             string
		CiphertextBlob    []byte
		EncryptionContext map[string]string
	}
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	var b box
	if err := json.Unmarshal(in.CiphertextBlob, &b); err != nil {
		return nil, fail(http.StatusBadRequest, "InvalidCiphertextException", "the ciphertext is not readable")
	}
	arn, err := s.use(r, "kms:Decrypt", b.Key, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	if in.KeyId != "" {
		if asked, err := s.resolve(r, in.KeyId); err != nil || asked != arn {
			return nil, fail(http.StatusBadRequest, "IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
		}
	}
	plaintext, err := s.keys().open(b, in.EncryptionContext)
	return map[string]any{"Plaintext": plaintext, "KeyId": arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}, err
}

func (s *Server) generateDataKey(r *request) (any, error) {
	var in struct {
		KeyId, KeySpec    string
		NumberOfBytes     int
		EncryptionContext map[string]string
	}
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	arn, err := s.use(r, "kms:GenerateDataKey", in.KeyId, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	if in.KeySpec != "" {
		in.NumberOfBytes = map[string]int{"AES_256": 32, "AES_128": 16}[in.KeySpec]
	}
	if in.NumberOfBytes < 1 || in.NumberOfBytes > 1024 {
		return nil, fail(http.StatusBadRequest, "ValidationException", "expected KeySpec or NumberOfBytes from 1 to 1024")
	}
	key := make([]byte, in.NumberOfBytes)
	_, _ = rand.Read(key)
	sealed, err := s.keys().seal(arn, key, in.EncryptionContext)
	return map[string]any{"CiphertextBlob": sealed, "Plaintext": key, "KeyId": arn}, err
}

func (s *Server) describeKey(r *request) (any, error) {
	var in struct{ KeyId string }
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	arn, err := s.resolve(r, in.KeyId)
	if err != nil {
		return nil, err
	}
	if err := s.authorize(r, "kms:DescribeKey", arn, nil); err != nil {
		return nil, err
	}
	return map[string]any{"KeyMetadata": map[string]any{
		"KeyId": arn[strings.LastIndex(arn, "/")+1:], "Arn": arn, "Enabled": true, "KeyState": "Enabled",
		"KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT", "Origin": "AWS_KMS", "KeyManager": "CUSTOMER",
	}}, nil
}
