import { Transform } from 'class-transformer';
import { IsBoolean, IsString, Length, Matches } from 'class-validator';
import { NAME, NAME_REFUSED } from './names.js';

const trim = ({ value }: { value: unknown }): unknown => (typeof value === 'string' ? value.trim() : value);

export class RoomDto {
  @Transform(trim)
  @Matches(/^[\p{L}\p{N}_-]{1,24}$/u, {
    message: 'A room is named by 1 to 24 letters, digits, hyphens and underscores.',
  })
  room!: string;
}

export class MessageDto extends RoomDto {
  @Transform(trim)
  @IsString({ message: 'The text of a message must be a string.' })
  @Length(1, 1_000, { message: 'A message has 1 to 1,000 characters.' })
  text!: string;
}

export class TypingDto extends RoomDto {
  @IsBoolean({ message: '`typing` must be true or false.' })
  typing!: boolean;
}

export class NameDto {
  @Transform(trim)
  @Matches(NAME, { message: NAME_REFUSED })
  name!: string;
}
