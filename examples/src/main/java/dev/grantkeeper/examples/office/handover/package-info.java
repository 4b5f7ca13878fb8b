/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Signing in by a pop-up, for pages that live in a frame: three classes to be read and copied.
 *
 * <p>The pane that asks and the pop-up that answers may share nothing, neither cookies nor storage nor
 * {@code window.opener}. {@link dev.grantkeeper.examples.office.handover.HandOver} ties them together by two secrets
 * that travel in opposite directions, {@link dev.grantkeeper.examples.office.handover.ResultPage} is the page on which
 * the pop-up ends, and {@link dev.grantkeeper.examples.office.handover.SessionCookie} recognizes the pane. The script
 * of that page is {@code office/done.js}, and {@code office/continue.js} stands between if a provider cuts windows off.
 * Code belongs here if it needs neither Grantkeeper nor a web framework: this package depends on the JDK only.
 */
@NullMarked
package dev.grantkeeper.examples.office.handover;

import org.jspecify.annotations.NullMarked;
