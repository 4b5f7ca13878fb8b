/* SPDX-License-Identifier: Apache-2.0 */
/**
 * HTTP and RPC clients other than OkHttp that send an account's access token: one class for each client, to be read and
 * copied. All rules (which URL may have the token, when it is refreshed, which response is a reason to repeat a
 * request) are in {@code account.authorization(url)}; a class here only knows its client. Each depends on that client
 * and on {@code dev.grantkeeper} only, and on no other class of this package.
 */
@NullMarked
package dev.grantkeeper.examples.bridges;

import org.jspecify.annotations.NullMarked;
