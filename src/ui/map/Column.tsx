/**
 * A model without a U: its blocks as a column in execution order, one row each. Blocks of two streams have the
 * video's and the text's layers apart, with the attention that joins them before; blocks of one stream go across.
 */
import { Fragment } from 'react';
import type { Block } from '../../blocks/block';
import { Cell, LayerCell } from './Cell';
import { Ends } from './Ends';
import { layersBelow, type MapShape, seriesOf } from './shape';
import { isTwoStream, streamOf } from './streams';

export function Column({ shape }: { readonly shape: MapShape }) {
  return (
    <div className="list">
      <Ends blocks={shape.inlet} label="Input" side="left" />
      {seriesOf(shape.body).map(({ name, blocks }) => {
        const two = blocks.some(isTwoStream);
        return (
          <section key={name} className="series" aria-label={name} data-streams={two ? 'two' : 'one'}>
            <h3 className="list-name">
              <code>{name}</code>
              <span className="faint">{countOf(blocks, two)}</span>
            </h3>
            {two && (
              <div className="stream-heads" aria-hidden="true">
                <span />
                <span>video and text</span>
                <span className="stream-video">video</span>
                <span className="stream-text">text</span>
              </div>
            )}
            {blocks.map((block, i) => (
              <ColumnRow key={block.id} block={block} number={i} two={two} />
            ))}
          </section>
        );
      })}
      <Ends blocks={shape.outlet} label="Output" side="right" />
    </div>
  );
}

/** "4 blocks, two streams"; of a decoder: "4 stages". */
function countOf(blocks: readonly Block[], two: boolean): string {
  const stages = blocks.every(({ kind }) => kind === 'stage');
  const what = stages ? 'stage' : 'block';
  const counted = `${blocks.length} ${what}${blocks.length === 1 ? '' : 's'}`;
  return stages ? counted : `${counted}, ${two ? 'two streams' : 'one stream'}`;
}

interface ColumnRowProps {
  readonly block: Block;
  readonly number: number;
  readonly two: boolean;
}

function ColumnRow({ block, number, two }: ColumnRowProps) {
  const layers = layersBelow(block);
  if (layers.length === 0) {
    return (
      <div className="row">
        <Cell block={block} look="layer">
          <span className="letter">{number}</span>
        </Cell>
      </div>
    );
  }
  const of = (stream: string) => layers.filter((layer) => streamOf(block, layer) === stream);
  return (
    <div className={two ? 'row streams' : 'row'}>
      <Cell block={block} look="handle">
        <span className="handle-name">{number}</span>
      </Cell>
      {two ? (
        (['both', 'video', 'text'] as const).map((stream) => (
          <span key={stream} className={`lane lane-${stream}`}>
            {of(stream).map((layer) => (
              <LayerCell key={layer.id} block={layer} />
            ))}
          </span>
        ))
      ) : (
        <Fragment>
          {layers.map((layer) => (
            <LayerCell key={layer.id} block={layer} />
          ))}
        </Fragment>
      )}
    </div>
  );
}
