/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto's hand-written assembly, whose call frame information holds CFA expressions and registers of its own:
 * SHA-256, AES-GCM, ChaCha20-Poly1305, Montgomery multiplication, P-256.
 */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include "../split.h"

static unsigned char input[256 * 1024], output[256 * 1024 + 64];

FRAME int digest(void)
{
	unsigned int length;
	int ok = EVP_Digest(input, sizeof(input), output, &length, EVP_sha256(), NULL);

	KEEP_FRAME();
	return ok;
}

FRAME int encrypt(EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher)
{
	static const unsigned char key[32], iv[16];
	int length, ok = EVP_EncryptInit_ex(context, cipher, NULL, key, iv);

	ok &= EVP_EncryptUpdate(context, output, &length, input, sizeof(input));
	KEEP_FRAME();
	return ok;
}

FRAME int exponentiate(BIGNUM *result, const BIGNUM *base, const BIGNUM *modulus, BN_CTX *context)
{
	int ok = BN_mod_exp_mont_consttime(result, base, base, modulus, context, NULL);

	KEEP_FRAME();
	return ok;
}

FRAME int multiply_point(const EC_GROUP *group, EC_POINT *point, const BIGNUM *scalar, BN_CTX *context)
{
	int ok = EC_POINT_mul(group, point, scalar, NULL, NULL, context);

	KEEP_FRAME();
	return ok;
}

FRAME void run(uint64_t budget)
{
	struct branch branches[] = { { "digest", 0 }, { "encrypt", 0 }, { "exponentiate", 0 }, { "point", 0 } };
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	BN_CTX *context = BN_CTX_new();
	BIGNUM *modulus = BN_get_rfc3526_prime_2048(NULL), *base = BN_dup(modulus), *result = BN_new();
	BIGNUM *scalar = NULL;
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	EC_POINT *point = EC_POINT_new(group);

	BN_sub_word(base, 12345);
	BN_hex2bn(&scalar, "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	while (budget_left(budget)) {
		SPEND(&branches[0], 3000, digest());
		SPEND(&branches[1], 1500, encrypt(cipher, EVP_aes_256_gcm()));
		SPEND(&branches[1], 1500, encrypt(cipher, EVP_chacha20_poly1305()));
		SPEND(&branches[2], 2000, exponentiate(result, base, modulus, context));
		SPEND(&branches[3], 2000, multiply_point(group, point, scalar, context));
	}
	print_truth(branches, 4);
}

int main(int argc, char **argv)
{
	run(budget_ns(argc, argv));
	KEEP_FRAME();
	return 0;
}
