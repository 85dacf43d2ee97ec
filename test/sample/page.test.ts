import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { waitFor } from '../harness/wait-for.js';
import { findBrowser, startBrowser } from './support/browser.js';
import { Sample, START_DEADLINE } from './support/sample.js';

const program = await findBrowser();
const why = program ? '' : ' (skipped: no Chromium on PATH; on Debian, apt-get install chromium)';
if (!program) {
  console.warn(`The page is not tested${why}`);
}

describe.skipIf(!program)(`the page${why}`, () => {
  let sample: Sample;
  let browser: Browser;

  beforeAll(async () => {
    [sample, browser] = await Promise.all([Sample.start(), startBrowser(program as string)]);
  }, START_DEADLINE);
  afterAll(async () => {
    await browser?.close();
    await sample?.stop();
  });

  it('lets two people on two nodes chat, and sees both', async () => {
    const [ada, grace] = await openOnTwoNodes('talk');
    await grace.locator('#text').pressSequentially('Hello');
    await ada.getByText('Grace is typing').waitFor();
    await grace.locator('#text').press('Enter');
    await shown(ada, 'Hello');
    await say(ada, 'Good day');

    for (const page of [ada, grace]) {
      await shown(page, 'Good day');
      expect(await texts(page)).toEqual(['Hello', 'Good day']);
      expect(await page.locator('.message .node').allTextContents()).toEqual([await nodeOf(grace), await nodeOf(ada)]);
      expect(await page.locator('#people .name').allTextContents()).toHaveLength(2);
    }
    expect(await ada.locator('#typing').textContent()).toBe('');
  });

  it('restores what was missed while the connection was dropped, and says so', async () => {
    const [ada, grace] = await openOnTwoNodes('drop');
    await say(grace, 'before');
    await shown(ada, 'before');

    await ada.locator('#drop').click();
    await ada.locator('#connection[data-state=offline]').waitFor();
    for (const text of ['missed 1', 'missed 2', 'missed 3']) {
      await say(grace, text);
    }
    await shown(grace, 'missed 3');

    await ada.locator('#return-badge', { hasText: 'Recovered' }).waitFor();
    expect(await ada.locator('#last-return').textContent()).toContain('3 messages restored');
    expect(await ada.locator('.message.restored .bubble').allTextContents()).toEqual([
      'missed 1',
      'missed 2',
      'missed 3',
    ]);
    expect(await ada.locator('.marker').allTextContents()).toEqual([
      'Connection lost',
      expect.stringContaining('Recovered: 3 messages restored'),
    ]);
    await say(ada, 'after');
    await shown(grace, 'after');
  });

  it('shows what people write as text', async () => {
    const [ada, grace] = await openOnTwoNodes('markup');
    const markup = '<img src=x onerror="document.title=1"><b>bold</b>';
    await say(ada, markup);
    await shown(grace, 'onerror');
    expect(await texts(grace)).toEqual([markup]);
    expect(await grace.locator('#log img, #log b').count()).toBe(0);
  });

  it('takes another name, and says which it cannot', async () => {
    const [ada, grace] = await openOnTwoNodes('names');
    await rename(ada, 'Countess');
    await grace.locator('#people .name', { hasText: 'Countess' }).waitFor();
    expect(await grace.locator('#people .name', { hasText: 'Ada' }).count()).toBe(0);
    await rename(ada, '<b>');
    await ada.locator('#notice', { hasText: 'A name has 1 to 24 letters' }).waitFor();
    expect(await grace.locator('#people .name', { hasText: '<b>' }).count()).toBe(0);
  });

  it('asks for another name where the first is refused', async () => {
    // the client closes a connection on which it was let in nowhere, if need be while it goes over to WebSocket
    const mayReport = /status of 400|Unexpected response code: 400/;
    const page = await open(`${sample.url}/?name=%3Cb%3E#names`, { mayReport });
    await page.locator('#notice', { hasText: 'A name has 1 to 24 letters' }).waitFor();
    await rename(page, 'Ada');
    await page.locator('#people .name', { hasText: 'Ada (you)' }).waitFor();
  });

  it('counts what is unread in another room', async () => {
    const [ada, grace] = await openOnTwoNodes('first');
    await ada.locator('#new-room input').fill('second');
    await ada.locator('#new-room input').press('Enter');
    await ada.locator('.room.joined', { hasText: 'second' }).waitFor();
    await say(grace, 'psst');
    await ada.locator('.room', { hasText: 'first' }).locator('.unread', { hasText: '1' }).waitFor();
    await ada.locator('.room', { hasText: 'first' }).click();
    await shown(ada, 'psst');
    expect(await ada.locator('.unread').count()).toBe(0);
  });

  it('draws a message as a waterfall across both nodes', async () => {
    const [ada] = await openOnTwoNodes('traces');
    await say(ada, 'follow me');
    const traces = await open(`${sample.url}/traces`);
    const trace = traces.locator('.trace', { has: traces.locator('h2', { hasText: /^message$/ }) }).first();
    await trace.locator('.span').nth(2).waitFor();
    expect(await trace.locator('header .node').allTextContents()).toEqual(['node-1', 'node-2']);
    expect(await trace.locator('.span .name').allTextContents()).toEqual([
      'process /',
      expect.stringMatching(/^xadd /),
      expect.stringMatching(/^process /),
    ]);
    const bars = await Promise.all((await trace.locator('.bar').all()).map((bar) => bar.boundingBox()));
    expect(bars.every((box) => box !== null && box.width >= 4)).toBe(true);
    await trace.locator('summary').first().click();
    await trace.getByText('socketio.event.name').first().waitFor();
  });

  it('fits a phone, with rooms and connection a touch away', async () => {
    const page = await open(`${sample.url}/?name=Linus#small`, { viewport: { width: 380, height: 700 } });
    await page.locator('#node-badge .node').waitFor();
    expect(await page.locator('#drop').isVisible()).toBe(false);
    await page.locator('#open-sidebar').click();
    await page.locator('#drop').click({ trial: true });
    const body = await page.locator('body').boundingBox();
    expect(body?.width).toBe(380);
  });

  /** A page of a person of its own; that it reports no error is part of each test. */
  interface PageOptions {
    viewport?: { width: number; height: number };
    /** What the browser may complain of. */
    mayReport?: RegExp;
  }

  async function open(url: string, options: PageOptions = {}): Promise<Page> {
    const { viewport = { width: 1280, height: 800 }, mayReport } = options;
    const context = await browser.newContext({ viewport });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => void errors.push(error.message));
    // What the policy forbids is reported here, too.
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    onTestFinished(async () => {
      await context.close();
      expect(errors.filter((error) => !mayReport?.test(error))).toEqual([]);
    });
    await page.goto(url);
    return page;
  }

  async function openOnTwoNodes(room: string): Promise<[Page, Page]> {
    const ada = await open(`${sample.url}/?name=Ada#${room}`);
    await ada.locator('#node-badge .node').waitFor();
    const grace = await waitFor(
      async () => {
        const page = await open(`${sample.url}/?name=Grace#${room}`);
        await page.locator('#node-badge .node').waitFor();
        if ((await nodeOf(page)) !== (await nodeOf(ada))) {
          return page;
        }
        await page.close();
        return undefined;
      },
      { deadline: 30_000, interval: 100, what: 'somebody on another node' },
    );
    for (const page of [ada, grace]) {
      await page.locator('#people .name').nth(1).waitFor();
    }
    return [ada, grace];
  }
});

async function say(page: Page, text: string): Promise<void> {
  await page.locator('#text').fill(text);
  await page.locator('#text').press('Enter');
}

/** A message is shown in everybody's order once the server took it: until then it is pending. */
function shown(page: Page, text: string): Promise<void> {
  return page.locator('.message:not(.pending) .bubble', { hasText: text }).waitFor();
}

async function rename(page: Page, name: string): Promise<void> {
  await page.locator('#name').fill(name);
  await page.locator('#name').press('Enter');
}

function texts(page: Page): Promise<string[]> {
  return page.locator('.message:not(.pending) .bubble').allTextContents();
}

async function nodeOf(page: Page): Promise<string> {
  return (await page.locator('#node-badge .node').textContent()) ?? '';
}
