/** The chart demo: open /src/charts/demo/ on the dev server, `?theme=dark`, `?bench`, `?golden`. */

import { mount } from 'svelte';
import { HoverBus } from '../hover-bus';
import DemoChart from './DemoChart.svelte';
import { installBench } from './bench';
import { installGolden } from './golden';
import { scenes } from './scenes';

const query = new URLSearchParams(location.search);
document.documentElement.dataset.theme = query.get('theme') ?? 'light';

const grid = document.getElementById('grid')!;

function panel(title: string, about: string): HTMLElement {
  const article = document.createElement('article');
  article.className = 'demo-panel';
  const heading = document.createElement('h2');
  const small = document.createElement('small');
  small.textContent = ` ${about}`;
  heading.append(title, small);
  const chart = document.createElement('div');
  chart.className = 'demo-chart';
  article.append(heading, chart);
  grid.append(article);
  return chart;
}

if (query.has('bench')) {
  installBench((title) => panel(title, ''));
} else if (query.has('golden')) {
  installGolden((title) => panel(title, ''));
} else {
  const bus = new HoverBus();
  for (const scene of scenes()) {
    mount(DemoChart, { target: panel(scene.title, scene.about), props: { scene, bus } });
  }
}
