/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Signing in by a pop-up, for pages that live in a frame: three classes to be read and copied.
 *
 * <p>The pane that asks and the pop-up that answers may share nothing, neither cookies nor storage nor
 * {@code window.opener}. {@link dev.grantkeeper.examples.office.handover.HandOver} ties them together by two secrets
 * that travel in opposite directions, {@link dev.grantkeeper.examples.office.handover.ResultPage} is where the pop-up
 * ends, and {@link dev.grantkeeper.examples.office.handover.SessionCookie} is how the pane is known again. They need
 * the JDK only; the script that belongs to the page is {@code office/done.js}, and {@code office/continue.js} stands
 * between where a provider cuts windows off.
 */
@NullMarked
package dev.grantkeeper.examples.office.handover;

import org.jspecify.annotations.NullMarked;
